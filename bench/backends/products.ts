import { createServer, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { loadSync, type MethodDefinition } from '@grpc/proto-loader';
import { deletedProductId, products, type Product } from '../../demo/data.js';
import { rememberBodies, type Bodies } from './bodies.js';
import { listen } from './http.js';

/** The products service of the demo shop, without its cost: gRPC, written straight to HTTP/2. */
export async function startProducts(onCall: () => void): Promise<string> {
  const replies = new Map(methods().map((method) => [method.path, rememberBodies(answering(method))]));
  const server = createServer();
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    onCall();
    const replyTo = replies.get(String(headers[':path']));
    readBytes(stream, (bytes) => send(stream, replyTo, bytes));
  });
  return listen(server);
}

type Method = MethodDefinition<object, object>;

function methods(): Method[] {
  const definition = loadSync('demo/products/products.proto', {
    longs: String,
    enums: String,
    defaults: true,
  });
  const service = definition['shop.v1.ProductService'] as Readonly<Record<string, Method>>;
  return Object.keys(answers).map((name) => service[name]!);
}

/** What each method answers, by its name. */
const answers: Readonly<Record<string, (request: never) => object | undefined>> = {
  GetProduct: ({ productId }: { productId: string }) => onSale.get(productId),
  // Last id first, as the demo's: a caller that zips them with its keys gets the wrong product.
  BatchGetProducts: ({ productIds }: { productIds: string[] }) => ({
    products: [...new Set(productIds)]
      .toSorted()
      .toReversed()
      .flatMap((id) => onSale.get(id) ?? []),
  }),
};

const onSale = new Map(
  products.filter(({ id }) => id !== deletedProductId).map((product) => [product.id, toMessage(product)]),
);

function toMessage({ createdAt, ...product }: Product) {
  return { ...product, createdAt: { seconds: Date.parse(createdAt) / 1000, nanos: 0 } };
}

interface Reply {
  /** A gRPC status code. */
  readonly status: string;
  readonly frame: Buffer;
}

const frameHeadLength = 5;

function answering(method: Method): (request: string) => Reply {
  const name = method.path.slice(method.path.lastIndexOf('/') + 1);
  return (request) => {
    const message = method.requestDeserialize(Buffer.from(request, 'latin1').subarray(frameHeadLength));
    const answer = answers[name]?.(message as never);
    if (!answer) return { status: '5', frame: Buffer.alloc(0) };
    return { status: '0', frame: toFrame(method.responseSerialize(answer)) };
  };
}

/** gRPC's Length-Prefixed-Message: not compressed, length, bytes. */
function toFrame(bytes: Buffer): Buffer {
  const head = Buffer.alloc(frameHeadLength);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

function readBytes(stream: ServerHttp2Stream, onBytes: (bytes: string) => void): void {
  let bytes = '';
  stream.setEncoding('latin1');
  stream.on('data', (chunk: string) => (bytes += chunk));
  stream.on('end', () => onBytes(bytes));
  stream.on('error', () => undefined); // the caller has gone
}

function send(stream: ServerHttp2Stream, replyTo: Bodies<Reply> | undefined, bytes: string): void {
  if (stream.destroyed) return;
  const { status, frame } = replyTo?.(bytes) ?? { status: '12', frame: Buffer.alloc(0) };
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': status }));
  stream.end(frame);
}
