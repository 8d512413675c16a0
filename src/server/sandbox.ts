import { randomBytes } from 'node:crypto';
import type { Reply } from './refusal.js';

/** What a visitor finds typed in already. */
export interface FirstOperation {
  readonly document: string;
  readonly variables?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
}

const script = 'https://embeddable-sandbox.cdn.apollographql.com/v2/embeddable-sandbox.umd.production.min.js';
const styles = 'https://embeddable-sandbox.cdn.apollographql.com https://fonts.googleapis.com';
const frame = 'https://sandbox.embed.apollographql.com';

const defaultOperation: FirstOperation = { document: '{ __typename }' };

/**
 * The page with Apollo's embedded Sandbox, telemetry off. The Sandbox comes from Apollo's servers; until it has, or
 * where it cannot, the page says in plain text how to ask with curl. Ours rather than the landing page plugin of
 * Apollo Server: that one escapes only the first `<` of the operation, and without network says no more than so.
 *
 * @param host the `Host` header of the request, for the curl
 */
export function sandboxPage(host: string | undefined, first: FirstOperation = defaultOperation): Reply {
  const nonce = randomBytes(16).toString('base64');
  return {
    status: 200,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': contentPolicy(nonce),
      // The Sandbox is told where it is, and can open the window in which people sign in to it.
      'referrer-policy': 'strict-origin',
      'cross-origin-opener-policy': 'same-origin-allow-popups',
      'permissions-policy':
        'camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()',
    },
    body: page(nonce, toCurl(host, first), first),
  };
}

/** Only what the Sandbox needs: its script and frame from Apollo, requests to us. */
function contentPolicy(nonce: string): string {
  return [
    "default-src 'none'",
    `script-src 'nonce-${nonce}' https://embeddable-sandbox.cdn.apollographql.com`,
    `style-src 'nonce-${nonce}' ${styles}`,
    'font-src https://fonts.gstatic.com',
    'img-src data:',
    `frame-src ${frame}`,
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

/** The first operation as a line for the shell. */
function toCurl(host: string | undefined, first: FirstOperation): string {
  const known = host !== undefined && /^[\w.:[\]-]+$/.test(host) ? host : 'localhost:4000';
  const headers = Object.entries({ 'content-type': 'application/json', ...first.headers });
  const { document: query, variables } = first;
  return [
    `curl http://${known}/graphql`,
    ...headers.map(([name, value]) => `-H ${quoteForShell(`${name}: ${value}`)}`),
    `-d ${quoteForShell(JSON.stringify({ query, variables }))}`,
  ].join(' \\\n  ');
}

function quoteForShell(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function page(nonce: string, curl: string, first: FirstOperation): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Backstitch</title>
<link rel="icon" href="data:,">
<style nonce="${nonce}">
  body { margin: 0; font: 16px/1.5 system-ui, sans-serif; }
  main { max-width: 50rem; margin: 4rem auto; padding: 0 1rem; animation: appear 0s 1s both; }
  pre { padding: 1rem; overflow: auto; background: #8882; }
  #sandbox, #sandbox iframe { position: absolute; inset: 0; width: 100%; height: 100%; border: 0; }
  #sandbox:empty { display: none; }
  @keyframes appear { from { visibility: hidden; } }
</style>
</head>
<body>
<main>
<h1>The gateway is running</h1>
<p>The Apollo Sandbox would be here, but its page could not be fetched from the network. Everything else works without it:</p>
<pre>${escapeForHtml(curl)}</pre>
</main>
<div id="sandbox"></div>
<script nonce="${nonce}">
  const state = ${toScript({ document: first.document, variables: first.variables, headers: first.headers })};
  const script = document.createElement('script');
  script.src = '${script}';
  script.onload = () => new window.EmbeddedSandbox({
    target: '#sandbox',
    initialEndpoint: window.location.origin + window.location.pathname,
    initialSubscriptionEndpoint: window.location.origin.replace('http', 'ws') + window.location.pathname,
    initialState: { ...state, includeCookies: false },
    endpointIsEditable: false,
    hideCookieToggle: true,
    runTelemetry: false,
    allowDynamicStyles: false,
  });
  document.head.append(script);
</script>
</body>
</html>
`;
}

/** A value as JSON that cannot end the script it stands in. */
function toScript(value: unknown): string {
  const escapes = /[<>&\u2028\u2029]/g;
  return JSON.stringify(value).replace(
    escapes,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

const htmlEscapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
};

function escapeForHtml(text: string): string {
  return text.replace(/[&<>"]/g, (char) => htmlEscapes[char] ?? char);
}
