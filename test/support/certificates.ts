import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A certificate with its key: as files, and what they hold. */
export interface Certificate {
  readonly files: { readonly cert: string; readonly key: string };
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** An authority of a test, with a folder for what it issues. */
export interface Authority extends Certificate {
  /** @param names such as `DNS:localhost,IP:127.0.0.1` */
  issue(subject: string, names?: string): Certificate;
  remove(): void;
}

/** Whether certificates can be made here. */
export const hasOpenssl = ((): boolean => {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

/** Makes an authority. Needs `openssl`. */
export function createAuthority(subject = '/CN=authority'): Authority {
  const folder = mkdtempSync(join(tmpdir(), 'certificates-'));
  let made = 0;
  const make = (of: string, more: readonly string[]): Certificate => {
    const files = { cert: join(folder, `${made}.cert.pem`), key: join(folder, `${made}.key.pem`) };
    made += 1;
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
    const out = ['-keyout', files.key, '-out', files.cert];
    execFileSync('openssl', ['req', '-x509', ...kind, '-utf8', '-subj', of, ...more, ...out], {
      stdio: 'ignore',
    });
    return { files, cert: readFileSync(files.cert), key: readFileSync(files.key) };
  };
  const authority = make(subject, []);
  const issuer = ['-CA', authority.files.cert, '-CAkey', authority.files.key];
  const leaf = ['-addext', 'basicConstraints=critical,CA:FALSE'];
  return {
    ...authority,
    issue: (of, names) =>
      make(of, [...issuer, ...leaf, ...(names === undefined ? [] : ['-addext', `subjectAltName=${names}`])]),
    remove: () => rmSync(folder, { recursive: true }),
  };
}
