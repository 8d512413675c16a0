/** The versions of the mapping language, as a file's `@link` names them. Only syntax differs; every version has every method. */
export type SpecVersion = '0.1' | '0.2' | '0.3' | '0.4';

/** All versions, oldest first. */
export const SPEC_VERSIONS: readonly SpecVersion[] = ['0.1', '0.2', '0.3', '0.4'];

/** The version of files that name none. */
export const LATEST_VERSION: SpecVersion = '0.4';

/** What the grammar of one version allows. */
export interface Syntax {
  readonly version: SpecVersion;
  /** `?` after a step, and the operators `??` and `?!`. */
  readonly questions: boolean;
  /** A path that gives a bare value inside braces: `{ $.name }`. */
  readonly innerValues: boolean;
  /** Expressions (literals, operators, objects, arrays) wherever a value may stand: after an alias, at the top. */
  readonly expressions: boolean;
  /** `...path` */
  readonly spread: boolean;
  /** Commas between the selections of a list. */
  readonly commas: boolean;
}

const v02 = {
  questions: false,
  innerValues: false,
  expressions: false,
  spread: false,
  commas: false,
} as const;
const v03 = { ...v02, questions: true, innerValues: true } as const;
const v04 = { ...v03, expressions: true, spread: true, commas: true } as const;

const syntaxes: Readonly<Record<SpecVersion, Syntax>> = {
  // 0.1 is read as 0.2
  '0.1': { version: '0.1', ...v02 },
  '0.2': { version: '0.2', ...v02 },
  '0.3': { version: '0.3', ...v03 },
  '0.4': { version: '0.4', ...v04 },
};

/** The syntax flags of a version. */
export function syntaxOf(version: SpecVersion): Syntax {
  return syntaxes[version];
}
