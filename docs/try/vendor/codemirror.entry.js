// What the page takes of CodeMirror. codemirror.min.js is made of it in a folder that has a copy of this file, by
//   npm install esbuild@0.28.2 @codemirror/state@6.7.6 @codemirror/view@6.43.15 @codemirror/commands@6.11.1 \
//     @codemirror/language@6.13.1 @codemirror/lang-python@6.2.1 @lezer/highlight@1.2.5
//   npx esbuild codemirror.entry.js --bundle --minify --format=esm --legal-comments=none --outfile=codemirror.min.js
// The versions of the packages that these bring along are in codemirror.LICENSE.txt.
export { Compartment, EditorState, StateEffect, StateField } from "@codemirror/state";
export {
  Decoration, EditorView, WidgetType, drawSelection, highlightActiveLine, highlightActiveLineGutter, keymap, lineNumbers,
} from "@codemirror/view";
export { defaultKeymap, history, historyKeymap, indentLess, indentMore } from "@codemirror/commands";
export { bracketMatching, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
export { python } from "@codemirror/lang-python";
export { classHighlighter } from "@lezer/highlight";
