/** A syntax tree without its ranges, for comparing what two texts say. */
export function withoutRanges(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(withoutRanges);
  if (typeof node !== 'object' || node === null) return node;
  const members = Object.entries(node).filter(([name]) => name !== 'range' && name !== 'nameRange');
  return Object.fromEntries(members.map(([name, value]) => [name, withoutRanges(value)]));
}
