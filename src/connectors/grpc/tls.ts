import { createSecureContext } from 'node:tls';
import { credentials, type ChannelCredentials } from '@grpc/grpc-js';
import type { Problem } from '../../base/problems.js';
import type { TlsDefinition } from '../../subgraph/subgraph.js';
import type { Text } from '../../subgraph/text.js';
import { FileFault, problemAt, readNearby } from './files.js';

/** The credentials that `tls` asks for: system roots, or the files it names; plain text where it is absent. */
export async function readCredentials(
  tls: TlsDefinition | undefined,
  folder: string | undefined,
): Promise<{ readonly credentials: ChannelCredentials; readonly problems: Problem[] }> {
  if (tls === undefined) return { credentials: credentials.createInsecure(), problems: [] };
  const problems: Problem[] = [];
  const read = (text: Text | undefined) => readPem(text, folder, problems);
  const [ca, cert, key] = [await read(tls.ca), await read(tls.cert), await read(tls.key)];
  problems.push(...checkPair(tls));
  if (problems.length > 0) return { credentials: credentials.createInsecure(), problems };
  const place = tls.cert ?? tls.ca;
  try {
    createSecureContext({ ca, cert, key });
    return { credentials: credentials.createSsl(ca ?? null, key ?? null, cert ?? null), problems };
  } catch {
    // OpenSSL's words may quote the file
    if (place !== undefined)
      problems.push(
        problemAt(
          place,
          'INVALID_TLS',
          'The certificates and the key do not fit together, or are no PEM files.',
        ),
      );
    return { credentials: credentials.createInsecure(), problems };
  }
}

function checkPair({ cert, key }: TlsDefinition): Problem[] {
  if (cert !== undefined && key === undefined) {
    return [problemAt(cert, 'INVALID_TLS', 'A client certificate needs its key: set key, too.')];
  }
  if (key !== undefined && cert === undefined) {
    return [problemAt(key, 'INVALID_TLS', 'The key needs its client certificate: set cert, too.')];
  }
  return [];
}

async function readPem(
  text: Text | undefined,
  folder: string | undefined,
  problems: Problem[],
): Promise<Buffer | undefined> {
  if (text === undefined) return undefined;
  try {
    const { content } = await readNearby(folder, text.value);
    if (!content.includes('-----BEGIN ')) throw new FileFault('is no PEM file');
    return content;
  } catch (error) {
    if (!(error instanceof FileFault)) throw error;
    problems.push(problemAt(text, 'INVALID_TLS', `The file "${text.value}" ${error.message}.`));
    return undefined;
  }
}
