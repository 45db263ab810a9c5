// Where a verb prints: data on stdout, everything else on stderr. Passed in, so that tests read what was printed.

/** The outside of the command. */
export interface Io {
  /**
   * Prints data. Rejects with {@link OutputClosed} when nobody reads any more. `exact`: a program reads it that knows no escapes of
   * JSON, and gets every byte, unless stdout is a terminal.
   */
  out(text: string, form?: 'exact'): Promise<void>
  /** Prints everything else: errors, hints, progress. */
  err(text: string): void
  /** True when stdout is a terminal. */
  readonly terminal: boolean
  /** True when colours may be used on stdout. */
  readonly color: boolean
  /** True when stderr is a terminal: only then is there progress to watch. */
  readonly live: boolean
  /** Columns of that terminal. */
  readonly columns: number
  /** Keys as they are typed, where stdin is a terminal; it is read raw until the last of them was taken. */
  readonly keys?: () => AsyncIterable<string>
}

/** The reader of stdout went away, as `head` does when it has seen enough. No error: nobody is left to hear of one. */
export class OutputClosed extends Error {}

/** The process's own streams. */
export function processIo(): Io {
  const { stdout, stderr, env } = process
  // A write into a closed pipe is told to its own callback; without a listener it would also end the process.
  for (const stream of [stdout, stderr]) {
    if (!stream.listeners('error').includes(ignore)) stream.on('error', ignore)
  }
  const plain = env['NO_COLOR'] !== undefined && env['NO_COLOR'] !== ''
  return {
    out: (text) =>
      new Promise((resolve, reject) => {
        stdout.write(text, (error) => {
          if (error === null || error === undefined) resolve()
          else reject(isClosed(error) ? new OutputClosed() : error)
        })
      }),
    err: (text) => void stderr.write(text),
    terminal: stdout.isTTY,
    color: stdout.isTTY && !plain,
    live: stderr.isTTY && env['TERM'] !== 'dumb',
    columns: stderr.columns || 80,
    ...(process.stdin.isTTY ? { keys: terminalKeys } : {}),
  }
}

/** One piece of input after the other, as the terminal sends them; raw, so that a key needs no Enter. */
async function* terminalKeys(): AsyncIterable<string> {
  const { stdin } = process
  stdin.setRawMode(true)
  stdin.setEncoding('utf8')
  try {
    for await (const piece of stdin as AsyncIterable<string>) yield piece
  } finally {
    stdin.setRawMode(false)
    stdin.pause()
  }
}

function isClosed(error: Error): boolean {
  return ['EPIPE', 'ERR_STREAM_DESTROYED'].includes((error as NodeJS.ErrnoException).code ?? '')
}

function ignore(): void {
  // Told to the callback of the write.
}
