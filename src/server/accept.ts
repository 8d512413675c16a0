/** What the answer to a GraphQL request can be. The first is sent to whoever does not care. */
export const jsonTypes = ['application/json', 'application/graphql-response+json'] as const;

interface Range {
  readonly type: string;
  readonly quality: number;
  readonly place: number;
}

/**
 * The offered media type that an `Accept` header likes best (RFC 9110, 12.5.1): by quality, then by how exactly it
 * is named, then by the order of the header, then by that of the offers.
 *
 * @returns `undefined` where the header accepts none of them
 */
export function preferredType<Type extends string>(
  accept: readonly string[] | undefined,
  offers: readonly Type[],
): Type | undefined {
  const text = accept?.join(',').trim() ?? '';
  if (text === '' || text === '*/*') return offers[0];
  const ranges = text.split(',').map(readRange);
  const liked = offers.flatMap((type) => {
    const range = nearestRange(ranges, type);
    return range === undefined || range.quality === 0 ? [] : [{ type, range }];
  });
  liked.sort(
    (a, b) =>
      b.range.quality - a.range.quality ||
      exactness(b.range.type) - exactness(a.range.type) ||
      a.range.place - b.range.place,
  );
  return liked[0]?.type;
}

function readRange(text: string, place: number): Range {
  const [type = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
  const quality = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
  const isReadable = parameters.every((parameter) => !/^charset=(?!"?utf-?8"?$)/.test(parameter));
  return { type, quality: isReadable ? toQuality(quality) : 0, place };
}

function toQuality(text: string | undefined): number {
  if (text === undefined) return 1;
  return /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(text) ? Number(text) : 0;
}

function nearestRange(ranges: readonly Range[], type: string): Range | undefined {
  const group = `${type.slice(0, type.indexOf('/'))}/*`;
  for (const wanted of [type, group, '*/*']) {
    const range = ranges.find((candidate) => candidate.type === wanted);
    if (range !== undefined) return range;
  }
  return undefined;
}

function exactness(range: string): number {
  if (range === '*/*') return 0;
  return range.endsWith('/*') ? 1 : 2;
}
