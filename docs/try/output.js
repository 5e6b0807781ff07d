// What the program prints: the last lines of it, however many there are.

const MOST_LINES = 2000, MOST_CHARACTERS = 300_000;

export class Output {
  constructor(element) {
    this.element = element;
    this.clear();
  }

  clear() {
    this.element.replaceChildren();
    this.pieces = []; // {node, lines, size}
    this.lines = this.size = this.dropped = 0;
    this.note = null;
  }

  add(text, kind) {
    const atEnd = this.element.scrollHeight - this.element.scrollTop - this.element.clientHeight < 40;
    const last = this.pieces.at(-1);
    const lines = text.split("\n").length - 1;
    if (last && last.kind === kind && last.size + text.length < 4000) {
      last.node.append(text);
      last.lines += lines;
      last.size += text.length;
    } else {
      const node = document.createElement("span");
      node.className = kind;
      node.textContent = text;
      this.element.append(node);
      this.pieces.push({ node, kind, lines, size: text.length });
    }
    this.lines += lines;
    this.size += text.length;
    this.trim();
    if (atEnd) this.element.scrollTop = this.element.scrollHeight;
  }

  /** The oldest pieces go, and of a piece that is too long its beginning. */
  trim() {
    let gone = 0;
    while (this.pieces.length && (this.lines > MOST_LINES || this.size > MOST_CHARACTERS)) {
      const piece = this.pieces[0];
      this.lines -= piece.lines;
      this.size -= piece.size;
      const needLines = MOST_LINES - this.lines, needSize = MOST_CHARACTERS - this.size;
      const kept = needLines > 0 && needSize > 0 ? piece.node.textContent.slice(-needSize).split("\n").slice(-needLines).join("\n") : "";
      const keptLines = kept.split("\n").length - 1;
      gone += piece.lines - keptLines;
      if (kept) {
        piece.node.textContent = kept;
        piece.lines = keptLines;
        piece.size = kept.length;
        this.lines += keptLines;
        this.size += kept.length;
        break;
      }
      piece.node.remove();
      this.pieces.shift();
    }
    if (gone) this.leaveOut(gone);
  }

  /** Say that so many lines are not shown. */
  leaveOut(lines) {
    if (!lines) return;
    this.dropped += lines;
    if (!this.note) {
      this.note = document.createElement("span");
      this.note.className = "left-out";
      this.element.prepend(this.note);
    }
    this.note.textContent = `… ${this.dropped.toLocaleString("en")} earlier lines are not shown\n`;
  }
}
