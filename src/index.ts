export { ConfigError, type Config, type ConfigInput, type Environment } from './base/config.js';
export type { Headers, Identity } from './base/context.js';
export { errorCodes, GatewayError, type ErrorCode } from './base/errors.js';
export { SchemaFilesError, type Problem } from './base/problems.js';
export type { Question } from './execution/ask.js';
export { createGateway, type Gateway, type GatewayOptions } from './gateway.js';
export { TrustedDocumentsError } from './policy/trusted-documents.js';
export type { Served } from './server/serve.js';
