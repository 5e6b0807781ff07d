// The editor: CodeMirror with Python's colours, and the line of an error marked with what the error says.
import {
  Decoration, EditorState, EditorView, StateEffect, StateField, bracketMatching, classHighlighter, defaultKeymap, drawSelection,
  highlightActiveLine, highlightActiveLineGutter, history, historyKeymap, indentLess, indentMore, indentOnInput, indentUnit, keymap,
  lineNumbers, python, syntaxHighlighting, WidgetType,
} from "./vendor/codemirror.min.js";

const setMark = StateEffect.define();

class ErrorText extends WidgetType {
  constructor(text) { super(); this.text = text; }
  eq(other) { return other.text === this.text; }
  toDOM() {
    const element = document.createElement("div");
    element.className = "error-text";
    element.textContent = this.text;
    return element;
  }
}

const marks = StateField.define({
  create: () => Decoration.none,
  update(old, change) {
    for (const effect of change.effects) {
      if (!effect.is(setMark)) continue;
      if (!effect.value) return Decoration.none;
      const line = change.state.doc.line(effect.value.line);
      return Decoration.set([
        Decoration.line({ class: "error-line", attributes: { "aria-invalid": "true" } }).range(line.from),
        Decoration.widget({ widget: new ErrorText(effect.value.text), block: true, side: 1 }).range(line.to),
      ]);
    }
    return change.docChanged ? Decoration.none : old; // what was changed may be right now
  },
  provide: (field) => EditorView.decorations.from(field),
});

/** An editor in `parent`: `text`, `mark(line, what)`, `unmark()`. */
export class Editor {
  constructor(parent, { onRun, onChange }) {
    const run = () => { onRun(); return true; };
    this.extensions = [
      lineNumbers(), highlightActiveLine(), highlightActiveLineGutter(), drawSelection(), history(), bracketMatching(), indentOnInput(),
      indentUnit.of("    "), python(), syntaxHighlighting(classHighlighter), marks, EditorView.lineWrapping,
      EditorView.contentAttributes.of({ "aria-label": "Program", spellcheck: "false", autocapitalize: "off", autocorrect: "off" }),
      EditorView.updateListener.of((update) => { if (update.docChanged) onChange(this.text); }),
      keymap.of([{ key: "Mod-Enter", run }, { key: "Ctrl-Enter", run }, { key: "Tab", run: indentMore, shift: indentLess },
        ...defaultKeymap.filter((binding) => binding.key !== "Mod-Enter"), ...historyKeymap]),
    ];
    this.view = new EditorView({ parent, state: this.fresh("") });
  }

  fresh(text) { return EditorState.create({ doc: text, extensions: this.extensions }); }

  get text() { return this.view.state.doc.toString(); }

  set text(text) { this.view.setState(this.fresh(text)); }

  mark(line, text) {
    if (line < 1 || line > this.view.state.doc.lines) return;
    const from = this.view.state.doc.line(line).from;
    this.view.dispatch({ effects: [setMark.of({ line, text }), EditorView.scrollIntoView(from, { y: "center" })] });
  }

  unmark() { this.view.dispatch({ effects: setMark.of(null) }); }
}
