// Names as they can be read: what is not to be seen in them, or turns text round, is shown as a mark.
const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/g;

const mark = (char) => `⟨${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}⟩`;

/** A key, a tag, a value: "\u202egpj.exe" is shown as "⟨202E⟩gpj.exe". */
export const visible = (text) => String(text).replace(HIDDEN, mark);
