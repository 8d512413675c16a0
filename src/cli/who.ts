import { toConfig } from '../base/config.js';
import { configOf } from './start.js';

/** What `who` is asked for. */
export interface WhoOptions {
  readonly schemas?: string | undefined;
  readonly config?: string | undefined;
  readonly json: boolean;
}

/** Who may read what, as text or JSON. No backend is asked. */
export async function who({ json, ...options }: WhoOptions): Promise<string> {
  const [{ readSubgraphs }, { describeAccess, formatAccess }, { stitch }] = await Promise.all([
    import('../gateway.js'),
    import('../policy/who.js'),
    import('../supergraph/stitch.js'),
  ]);
  const environment = process.env;
  const config = toConfig(await configOf({ mode: 'production', ...options }), environment);
  const subgraphs = await readSubgraphs({ environment }, config);
  const access = describeAccess(stitch(subgraphs), subgraphs, config.defaultAccess);
  return json ? `${JSON.stringify(access, null, 2)}\n` : formatAccess(access);
}
