/** One row of a markdown table: its cells by the table's header, without the backticks around code. */
export type Row = ReadonlyMap<string, string>;

/** The rows of all tables of a markdown text whose header has these columns. */
export function rowsWith(markdown: string, ...columns: readonly string[]): Row[] {
  const rows: Row[] = [];
  let header: string[] | undefined;
  for (const line of markdown.split('\n')) {
    if (!line.startsWith('|')) header = undefined;
    else if (header === undefined) header = cellsOf(line);
    else if (!/^\|[ :|-]*$/.test(line) && columns.every((column) => header?.includes(column)))
      rows.push(toRow(header, cellsOf(line)));
  }
  return rows;
}

function cellsOf(line: string): string[] {
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
}

function toRow(header: readonly string[], cells: readonly string[]): Row {
  return new Map(header.map((name, i) => [name, (cells[i] ?? '').replace(/^`([^`]*)`$/, '$1')]));
}
