import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import type { IRule } from 'graphql-shield';
import { z } from 'zod';
import { documentKeys, documentShape } from './document-config.js';
import { parseDuration } from './duration.js';
import { identityKeys, identityShape } from './identity-config.js';
import { limitsShape } from './limits-config.js';
import { rateLimitKeys, rateLimitShape } from './rate-limit-config.js';
import { didYouMean } from './suggest.js';

const duration = z
  .string()
  .refine((text) => parseDuration(text) !== undefined, 'is no length of time such as "500ms" or "2s"')
  .transform((text) => parseDuration(text) ?? Number.NaN);

const source = z.strictObject({
  /** Used instead of the address in the schema file. */
  url: z.string().optional(),
  /** How many calls one operation may make to this source. */
  maxCallsPerOperation: z.int().min(1).optional(),
  /** What `$config` is in this source's strings. */
  config: z.record(z.string(), z.unknown()).optional(),
});

const configShape = z.strictObject({
  /** The folder with the schema files. */
  schemas: z.string().default('schemas'),
  host: z.string().default('127.0.0.1'),
  port: z.int().min(0).max(65_535).default(4000),
  /** `development` shows people more; `production` shows strangers less. */
  mode: z.enum(['development', 'production']).default('production'),
  log: z.enum(['info', 'warn', 'error', 'silent']).default('info'),
  /** How long one operation may take. */
  timeout: duration.default(10_000),
  /** How many calls one operation may make to all backends together. */
  maxCallsPerOperation: z.int().min(1).default(1_000),
  /** How large a query may be, and what it may need. */
  limits: limitsShape.prefault({}),
  ...identityShape,
  ...documentShape,
  ...rateLimitShape,
  /** Exact origins whose pages may read answers, besides the gateway's own. */
  corsOrigins: z
    .array(z.string().refine(isOrigin, 'is not an exact origin such as "https://shop.example.com"'))
    .default([]),
  sources: z.record(z.string(), source).default({}),
  /**
   * The folder for copies of the schemas that GraphQL backends tell, for starts at which they are down; `false` for
   * none. Unless given, `.backstitch` beside the folder with the schema files.
   */
  savedSchemas: z
    .union([z.string().min(1), z.literal(false)], 'is neither the path of a folder nor false')
    .optional(),
  /** What becomes of fields without a rule: `deny` refuses all that is not `@public`. */
  defaultAccess: z.enum(['allow', 'deny']).default('allow'),
  /** graphql-shield rules by the name `@policy` uses. */
  policies: z.record(z.string(), z.custom<IRule>(isShieldRule, 'is not a graphql-shield rule')).default({}),
});

/** The whole configuration, checked and with defaults. Read-only after birth. */
export type Config = Readonly<z.output<typeof configShape>>;

/** What a person may write: everything is optional. */
export type ConfigInput = z.input<typeof configShape>;

/** Values of the process environment. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Thrown with all faults of a configuration at once. */
export class ConfigError extends Error {
  readonly code = 'CONFIG_INVALID';

  constructor(where: string, faults: readonly string[]) {
    super([`CONFIG_INVALID  ${where}`, ...faults.map((fault) => `  ${fault}`)].join('\n'));
    this.name = 'ConfigError';
  }
}

/**
 * Checks a configuration and fills in the defaults; environment variables lie over it.
 *
 * @throws ConfigError with all faults, which name the keys but never echo a value
 */
export function toConfig(
  input: ConfigInput,
  environment: Environment = {},
  where = 'the configuration',
): Config {
  const parsed = configShape.safeParse({ ...input, ...fromEnvironment(environment, input) });
  if (parsed.success) return parsed.data;
  throw new ConfigError(where, parsed.error.issues.flatMap(describeIssue));
}

/** Config keys that a variable of the environment sets. */
function fromEnvironment(environment: Environment, { redis }: ConfigInput): Record<string, unknown> {
  const { PORT: port, HOST: host, BACKSTITCH_LOG: log, BACKSTITCH_REDIS_URL: redisUrl } = environment;
  return {
    ...(port === undefined || port === '' ? {} : { port: Number(port) }),
    ...(host === undefined || host === '' ? {} : { host }),
    ...(log === undefined || log === '' ? {} : { log }),
    ...(redisUrl === undefined || redisUrl === '' ? {} : { redis: { ...redis, url: redisUrl } }),
  };
}

/** The name of the variable that overrides a source's address. */
export function addressVariable(source: string): string {
  return `SOURCE_${source.toUpperCase().replaceAll('-', '_')}_URL`;
}

const configFiles = ['backstitch.config.ts', 'backstitch.config.js', 'backstitch.config.json'];

/** The config file in a folder, if there is one. */
export function findConfigFile(folder: string): string | undefined {
  return configFiles.map((name) => join(folder, name)).find((file) => existsSync(file));
}

/**
 * Reads a config file: JSON, or a module whose default export is the configuration.
 * `schemas`, `savedSchemas`, the path of `trustedDocuments` and the files of `tls` in it are relative to the file.
 *
 * @throws ConfigError where the file cannot be read
 */
export async function readConfigFile(file: string): Promise<ConfigInput> {
  const content = await loadConfigFile(file);
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw new ConfigError(basename(file), ['the file must give an object']);
  }
  const input = content as ConfigInput;
  const folders = (['schemas', 'savedSchemas'] as const).flatMap((key) => {
    const folder: unknown = input[key];
    return typeof folder === 'string' ? [[key, resolve(dirname(file), folder)] as const] : [];
  });
  return {
    ...input,
    ...Object.fromEntries(folders),
    ...withDocumentsBeside(file, input),
    ...withTlsBeside(file, input),
  };
}

function withDocumentsBeside(
  file: string,
  { trustedDocuments: given }: ConfigInput,
): Pick<ConfigInput, 'trustedDocuments'> {
  const path: unknown = given?.path;
  if (given === undefined || typeof path !== 'string') return {};
  return { trustedDocuments: { ...given, path: resolve(dirname(file), path) } };
}

function withTlsBeside(file: string, { tls }: ConfigInput): Pick<ConfigInput, 'tls'> {
  const given: unknown = tls;
  if (typeof given !== 'object' || given === null) return {};
  const files = Object.entries(given).map(([key, value]: [string, unknown]) => [
    key,
    key !== 'clientCertificates' && typeof value === 'string' ? resolve(dirname(file), value) : value,
  ]);
  return { tls: Object.fromEntries(files) as ConfigInput['tls'] };
}

async function loadConfigFile(file: string): Promise<unknown> {
  try {
    if (extname(file) === '.json') return JSON.parse(await readFile(file, 'utf8')) as unknown;
    const { createJiti } = await import('jiti');
    return await createJiti(import.meta.url).import(file, { default: true });
  } catch (error) {
    throw new ConfigError(basename(file), [`the file cannot be read: ${(error as Error).message}`]);
  }
}

function isOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text;
}

function isShieldRule(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'resolve' in value;
}

function describeIssue(issue: z.core.$ZodIssue): string[] {
  const path = issue.path.join('.');
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const suggestion = didYouMean(key, knownKeys(issue.path));
      return `unknown key "${[...issue.path, key].join('.')}".${suggestion}`;
    });
  }
  return [`"${path}" ${issue.message.replace(/, received .*$/, '')}`];
}

const keysByPlace: readonly (readonly [RegExp, Iterable<string>])[] = [
  [/^$/, Object.keys(configShape.shape)],
  [/^limits$/, Object.keys(limitsShape.shape)],
  ...identityKeys,
  ...documentKeys,
  ...rateLimitKeys,
  [/^sources\.[^.]+$/, Object.keys(source.shape)],
];

function knownKeys(path: readonly PropertyKey[]): Iterable<string> {
  const place = path.join('.');
  return keysByPlace.find(([pattern]) => pattern.test(place))?.[1] ?? [];
}
