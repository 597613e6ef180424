// Reads the footer of a Parquet file in a thread of its own: a hostile one can at worst be ended.
import { parquetMetadata, parquetSchema } from "../vendor/hyparquet/metadata.js";

const COLUMNS_MAX = 1000;
const DEPTH_MAX = 40;

function columnsOf(node, depth, path, found) {
  for (const child of node.children) {
    if (found.length >= COLUMNS_MAX || depth > DEPTH_MAX) return;
    const { name, type, repetition_type: repetition, converted_type: converted, logical_type: logical } = child.element;
    const kind = logical?.type ?? converted ?? type ?? "group";
    found.push({ name: String(name), depth, type: String(type ?? "group"), kind: String(kind), repetition: String(repetition ?? "") });
    columnsOf(child, depth + 1, path, found);
  }
}

addEventListener("message", ({ data }) => {
  try {
    const metadata = parquetMetadata(data, { geoparquet: false });
    const columns = [];
    columnsOf(parquetSchema(metadata), 0, [], columns);
    postMessage({
      rows: Number(metadata.num_rows), groups: metadata.row_groups.length, createdBy: String(metadata.created_by ?? ""), columns,
      codecs: [...new Set(metadata.row_groups.slice(0, 100).flatMap((group) => group.columns.map((one) => String(one.meta_data?.codec ?? ""))))].filter(Boolean),
    });
  } catch (error) {
    postMessage({ error: String(error.message ?? error) });
  }
});
