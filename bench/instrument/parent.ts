/** What a process of the bench can be asked, by name. */
export type Handlers = Readonly<Record<string, (argument: never) => unknown>>;

/** A question from the parent. */
export interface Ask {
  readonly id: number;
  readonly ask: string;
  readonly argument?: unknown;
}

/** The answer to it. */
export type Answer =
  { readonly id: number; readonly value: unknown } | { readonly id: number; readonly error: string };

/** Answers the parent's questions until it goes; then this process ends too. */
export function answerParent(handlers: Handlers): void {
  process.on('message', (message) => void answer(handlers, message as Ask));
  process.once('disconnect', () => process.exit(0));
}

async function answer(handlers: Handlers, { id, ask, argument }: Ask): Promise<void> {
  try {
    const handler = handlers[ask];
    if (!handler) throw new Error(`nobody here answers ${JSON.stringify(ask)}`);
    reply({ id, value: await handler(argument as never) });
  } catch (error) {
    reply({ id, error: error instanceof Error ? error.message : String(error) });
  }
}

function reply(answer: Answer): void {
  process.send?.(answer);
}
