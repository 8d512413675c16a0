/** Answers by request, made once. */
export type Bodies<T> = (request: string) => T;

const kept = 1_000;

/** Remembers what `make` made for a request: after the first time, an answer costs one look-up. */
export function rememberBodies<T>(make: (request: string) => T): Bodies<T> {
  const bodies = new Map<string, T>();
  return (request) => {
    const known = bodies.get(request);
    if (known !== undefined) return known;
    if (bodies.size >= kept) bodies.clear();
    const made = make(request);
    bodies.set(request, made);
    return made;
  };
}
