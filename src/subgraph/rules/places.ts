import { inputPaths } from '../../mapping/shape.js';
import type { Selection } from '../../mapping/syntax.js';
import { selectionsIn } from '../expressions.js';
import type {
  ConnectDefinition,
  ErrorsDefinition,
  Expression,
  HeaderDefinition,
  PolicyDefinition,
  SourceDefinition,
  Subgraph,
  Templated,
} from '../subgraph.js';
import type { Text } from '../text.js';
import { isRoot, nameOf } from './owner.js';

/** What a mapping is for. */
export type Role =
  /** The address of a source. */
  | 'address'
  | 'url'
  | 'header'
  | 'path'
  | 'queryParams'
  /** What is sent: an HTTP body, a gRPC message, the arguments of a GraphQL field. */
  | 'body'
  | 'selection'
  /** Of an error: its text, and what is laid over its extensions. */
  | 'message'
  | 'extensions'
  | 'isSuccess'
  | 'batchBy'
  | 'policy';

/** One mapping expression or template of a file, and what it may see. */
export interface MappingPlace {
  readonly role: Role;
  /** Of the problems in it. */
  readonly code: string;
  /** How messages name the directive: `@connect on Query.user`. */
  readonly owner: string;
  readonly text: Text;
  /** The expression, or those in the holes of the template. */
  readonly selections: readonly Selection[];
  readonly isTemplate: boolean;
  /** Whether `$` is there: the answer of the backend, or a row of it. */
  readonly hasBody: boolean;
  readonly variables: ReadonlySet<string>;
  readonly connect?: ConnectDefinition | undefined;
  readonly source?: SourceDefinition | undefined;
}

const known = new WeakMap<Subgraph, readonly MappingPlace[]>();

/** All mappings of a file, in the order of its directives. */
export function mappingPlaces(subgraph: Subgraph): readonly MappingPlace[] {
  const places = known.get(subgraph) ?? findPlaces(subgraph);
  known.set(subgraph, places);
  return places;
}

function findPlaces(subgraph: Subgraph): MappingPlace[] {
  return [
    ...subgraph.sources.flatMap((source) => placesOfSource(source, subgraph)),
    ...subgraph.policies.map((policy) => placeOfPolicy(policy)),
    ...subgraph.connects.flatMap((connect) => placesOfConnect(connect, subgraph)),
  ];
}

/** Whether an expression reads from `$`. */
export function readsBody(selection: Selection): boolean {
  const { fields, whole } = inputPaths(selection);
  return fields.size > 0 || whole !== undefined;
}

/** A text of a directive before it is known what it may see. */
type Draft = readonly [role: Role, code: string, text: Expression | Templated | undefined];

const settings = ['$config', '$env'];
const answer = ['$status', '$response'];

function placesOfSource(source: SourceDefinition, subgraph: Subgraph): MappingPlace[] {
  const seen = asking(subgraph);
  const visible = (role: Role) =>
    role === 'address' ? settings : isReply(role) ? [...seen, ...answer] : seen;
  return [...requestOfSource(source), ...repliesOf(source)].flatMap((draft) =>
    toPlace(draft, {
      owner: `@source "${source.name}"`,
      hasBody: isReply(draft[0]),
      variables: new Set(visible(draft[0])),
      source,
    }),
  );
}

function requestOfSource(source: SourceDefinition): Draft[] {
  switch (source.kind) {
    case 'http':
      return [
        ['address', 'INVALID_URL', source.http.baseURL],
        ['path', 'INVALID_URL_PROPERTY', source.http.path],
        ['queryParams', 'INVALID_URL_PROPERTY', source.http.queryParams],
        ...headers(source.http.headers),
      ];
    case 'grpc':
      return [
        ...source.grpc.address.map((address): Draft => ['address', 'INVALID_URL', address]),
        ...headers(source.grpc.metadata),
      ];
    case 'graphql':
      return [
        ['address', 'INVALID_URL', source.graphql.url],
        ['address', 'INVALID_URL', source.graphql.subscriptions],
        ...headers(source.graphql.headers),
      ];
  }
}

function placesOfConnect(connect: ConnectDefinition, subgraph: Subgraph): MappingPlace[] {
  const drafts: Draft[] = [
    ...requestOf(connect),
    ['selection', 'INVALID_SELECTION', connect.selection],
    ['batchBy', 'INVALID_BATCH_BY', connect.batch?.by],
    ...repliesOf(connect),
  ];
  const source = subgraph.sources.find(({ name }) => name === connect.source?.value);
  return drafts.flatMap((draft) =>
    toPlace(draft, {
      owner: nameOf(connect),
      hasBody: isReply(draft[0]) && connect.kind !== 'none',
      variables: new Set(visibleTo(connect, draft[0], subgraph)),
      connect,
      source,
    }),
  );
}

function requestOf(connect: ConnectDefinition): Draft[] {
  switch (connect.kind) {
    case 'http':
      return [
        ['url', 'INVALID_URL', connect.http.url],
        ['path', 'INVALID_URL_PROPERTY', connect.http.path],
        ['queryParams', 'INVALID_URL_PROPERTY', connect.http.queryParams],
        ['body', 'INVALID_BODY', connect.http.body],
        ...headers(connect.http.headers),
      ];
    case 'grpc':
      return [['body', 'INVALID_BODY', connect.grpc.request], ...headers(connect.grpc.metadata)];
    case 'graphql':
      return [['body', 'INVALID_BODY', connect.graphql.args], ...headers(connect.graphql.headers)];
    case 'none':
      return [];
  }
}

function headers(definitions: readonly HeaderDefinition[]): Draft[] {
  return definitions.map(({ value }): Draft => ['header', 'INVALID_HEADER', value]);
}

interface Replying {
  readonly errors?: ErrorsDefinition | undefined;
  readonly isSuccess?: Expression | undefined;
}

function repliesOf({ errors, isSuccess }: Replying): Draft[] {
  return [
    ['isSuccess', 'INVALID_IS_SUCCESS', isSuccess],
    ['message', 'INVALID_ERRORS_MESSAGE', errors?.message],
    ['extensions', 'INVALID_ERRORS_MESSAGE', errors?.extensions],
  ];
}

function placeOfPolicy(policy: PolicyDefinition): MappingPlace {
  return {
    role: 'policy',
    code: 'INVALID_POLICY',
    owner: `@definePolicy "${policy.name}"`,
    text: policy.allow.text,
    selections: [policy.allow.selection],
    isTemplate: false,
    hasBody: false,
    variables: new Set(['$claims', '$args', '$this']),
  };
}

/** What the caller's request and the configuration bring. `$claims` is ours alone. */
function asking({ strict }: Subgraph): string[] {
  return [...settings, '$context', '$request', ...(strict ? [] : ['$claims'])];
}

function visibleTo(connect: ConnectDefinition, role: Role, subgraph: Subgraph): string[] {
  const inputs = inputsOf(connect, subgraph);
  const seen = asking(subgraph);
  if (!isReply(role)) return [...seen, ...inputs];
  if (role === 'isSuccess') return [...seen, ...answer, ...inputs.filter((name) => name === '$args')];
  if (connect.kind === 'none') return [...seen, ...inputs];
  return [...seen, ...answer, ...inputs.filter((name) => name !== '$batch')];
}

/** Many parents at once are an addition of ours on fields. */
function inputsOf({ type, field }: ConnectDefinition, subgraph: Subgraph): string[] {
  if (field === undefined) return ['$this', '$batch'];
  if (isRoot(subgraph, type)) return ['$args'];
  return subgraph.strict ? ['$args', '$this'] : ['$args', '$this', '$batch'];
}

const replies: readonly Role[] = ['selection', 'message', 'extensions', 'isSuccess', 'batchBy'];

/** Whether a mapping reads the answer of the backend. */
function isReply(role: Role): boolean {
  return replies.includes(role);
}

type Rest = Pick<MappingPlace, 'owner' | 'hasBody' | 'variables' | 'connect' | 'source'>;

function toPlace([role, code, text]: Draft, rest: Rest): MappingPlace[] {
  if (text === undefined) return [];
  const isTemplate = 'template' in text;
  return [{ role, code, text: text.text, selections: selectionsIn(text), isTemplate, ...rest }];
}
