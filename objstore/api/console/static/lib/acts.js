// What rules do, in words: "extended-transition:GLACIER_IR/noncurrent/full" is a move of old versions by fill level.
import { t, tName } from "./i18n.js";

export function actionText(action) {
  const [what, ...notes] = (action ?? "").split("/");
  const known = tName("rule_action", what);
  const [plain, more] = known === what ? what.split("+") : [what];
  const [kind, to] = plain.split(":");
  const text = to ? `${tName("rule_action", kind)} → ${to}` : tName("rule_action", kind);
  const told = [...notes, ...(more ? [more] : [])].map((note) => tName("rule_note", note)).join(t("rule_note.between"));
  return told ? `${text} (${told})` : text;
}
