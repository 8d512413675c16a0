import { pino, type Logger } from 'pino';

/** What the gateway writes about itself: lines of JSON on stderr. */
export interface Log {
  info(facts: LogFacts, message: string): void;
  warn(facts: LogFacts, message: string): void;
  error(facts: LogFacts, message: string): void;
}

/** The only facts a line can hold. Whole objects are never logged: they hold what nobody thought of. */
export interface LogFacts {
  readonly requestId?: string;
  readonly source?: string;
  readonly connector?: string;
  readonly code?: string;
  readonly policy?: string;
  /** The SHA-256 of a GraphQL document. */
  readonly document?: string;
  /** The name of an operation. */
  readonly operation?: string;
  readonly file?: string;
  readonly durationMs?: number;
  readonly path?: string;
  /** Only its name, message and code are written, and those of its causes. */
  readonly error?: unknown;
}

/** How much is written; `silent` writes nothing. */
export type LogLevel = 'info' | 'warn' | 'error' | 'silent';

/** Opens the log. */
export function createLog(level: LogLevel = 'info'): Log {
  const logger = pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination(2));
  return {
    info: (facts, message) => write(logger, 'info', facts, message),
    warn: (facts, message) => write(logger, 'warn', facts, message),
    error: (facts, message) => write(logger, 'error', facts, message),
  };
}

function write(logger: Logger, level: 'info' | 'warn' | 'error', facts: LogFacts, message: string): void {
  const { requestId, source, connector, code, policy, document, operation, file, durationMs, path, error } =
    facts;
  const causes = error === undefined ? undefined : describeCauses(error);
  const line = { requestId, source, connector, code, policy, document, operation, file, durationMs, path };
  logger[level]({ ...line, causes }, message);
}

/** An error and its causes as short texts, credentials in URLs and tokens blotted out. */
export function describeCauses(error: unknown): string[] {
  const texts: string[] = [];
  for (let cause = error; cause !== undefined && cause !== null && texts.length < 5;) {
    texts.push(describe(cause));
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return texts;
}

function describe(cause: unknown): string {
  if (!(cause instanceof Error)) return blot(String(cause));
  const code = 'code' in cause && typeof cause.code === 'string' ? `${cause.code} ` : '';
  return blot(`${cause.name}: ${code}${cause.message}`);
}

function blot(text: string): string {
  return text
    .slice(0, 1_000)
    .replace(/:\/\/[^/\s@]+@/g, '://***@')
    .replace(/\b(bearer|basic)\s+[\w.~+/=-]+/gi, '$1 ***')
    .replace(/([?&][^=&\s]*(?:key|token|secret|sig|password)[^=&\s]*=)[^&\s]*/gi, '$1***');
}
