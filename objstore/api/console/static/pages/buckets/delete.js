// Deleting: what versions keep can be undone, what they do not has to be confirmed.
import { html } from "../../lib/dom.js";
import { t } from "../../lib/i18n.js";
import { visible } from "../../lib/names.js";
import { remove, removeMany } from "../../lib/s3.js";
import { Confirm, Notice, toast } from "../../lib/ui.js";
import { useAction } from "../../lib/use.js";

const AT_ONCE = 1000;
// XML cannot carry these, or reads them as others: such keys are deleted one by one.
const NOT_IN_XML = /[\0-\x1f\x7f-\x9f\ufffe\uffff]/;

/** Deletes `[key, versionId]`; {markers: [[key, markerId]], errors: [{key, message}]}. */
async function removeAll(bucket, names) {
  const markers = [];
  const errors = [];
  const plain = names.filter(([key]) => !NOT_IN_XML.test(key));
  for (let at = 0; at < plain.length; at += AT_ONCE) {
    const answer = await removeMany(bucket, plain.slice(at, at + AT_ONCE));
    errors.push(...answer.errors);
    markers.push(...answer.deleted.filter((one) => one.markerId).map((one) => [one.key, one.markerId]));
  }
  for (const [key, versionId] of names.filter(([one]) => NOT_IN_XML.test(one))) {
    try {
      const answer = await remove(bucket, key, versionId);
      if (answer.marker && !versionId) markers.push([key, answer.versionId]);
    } catch (error) {
      errors.push({ key, message: error.message });
    }
  }
  return { markers, errors };
}

/** Takes markers away again: what they hid is there as before. */
async function undo(bucket, markers, onDone) {
  try {
    for (const [key, versionId] of markers) await remove(bucket, key, versionId);
    toast(t("objects.undone", { count: markers.length }));
  } catch (error) {
    toast(error.message, { state: "bad" });
  }
  onDone();
}

/** `objects`: [{key, versionId?}], null while there is nothing to ask. */
export function DeleteObjects({ bucket, objects, versioning, onClose, onDone }) {
  const names = (objects ?? []).map((one) => [one.key, one.versionId]);
  const kept = versioning === "Enabled" && names.every(([, versionId]) => versionId === undefined);
  const run = useAction(async () => {
    const { markers, errors } = await removeAll(bucket, names);
    onClose();
    onDone();
    const undoable = kept && markers.length > 0;
    if (names.length > errors.length) {
      toast(t("objects.deleted", { count: names.length - errors.length }), {
        seconds: undoable ? 30 : 6,
        action: undoable && { text: t("action.undo"), run: () => undo(bucket, markers, onDone) },
      });
    }
    for (const error of errors.slice(0, 3)) toast(`${visible(error.key)}: ${error.message}`, { state: "bad", seconds: 15 });
  });
  return html`<${Confirm} open=${names.length > 0} title=${t("objects.delete_title", { count: names.length })} submit=${t("action.delete")} busy=${run.busy} error=${run.error}
    word=${kept ? undefined : t("objects.delete_word")} onClose=${onClose} onConfirm=${() => run.run()}>
    <ul class="names">${names.slice(0, 8).map(([key, versionId]) => html`<li><bdi>${visible(key)}</bdi>${versionId && html` <code>${versionId}</code>`}</li>`)}</ul>
    ${names.length > 8 && html`<p>${t("objects.and_more", { n: names.length - 8 })}</p>`}
    <${Notice} state=${kept ? "info" : "warning"}>${t(kept ? "objects.delete_kept" : "objects.delete_final")}<//>
  <//>`;
}
