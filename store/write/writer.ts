// The engine's side of the writer: a worker thread does the commits, so that an fsync that hangs stops nobody but those
// who wait for it.
import { Worker } from 'node:worker_threads'
import { PathledgerError } from '../../errors.ts'
import { batchToWire, settledOfWire } from './append-wire.ts'
import type { WireBatch, WireSettled } from './append-wire.ts'
import { closed } from '../file/closed.ts'
import { endingOf } from '../file/ending.ts'
import { fromWire } from '../file/error-wire.ts'
import type { WireError } from '../file/error-wire.ts'
import { GroupCommit } from './group-commit.ts'
import type { Settled } from './group-commit.ts'
import type { LedgerHeader } from '../rows/header.ts'
import type { LedgerFileOptions } from './ledger-file.ts'
import { BATCHES_AHEAD, WORKER_BUSY_TIMEOUT_MS, WRITER_LIMITS } from '../limits.ts'
import type { WriterLimits } from '../limits.ts'
import { checkAppend } from './plan.ts'
import type { Append, Appended, LedgerListener } from '../types.ts'

/** What the writer's thread is told. */
export type ToWriter = { readonly kind: 'commit'; readonly batch: WireBatch } | { readonly kind: 'close' }

/** What it answers. */
export type FromWriter =
  | { readonly kind: 'ready'; readonly header: LedgerHeader; readonly created: boolean }
  | { readonly kind: 'refused'; readonly error: WireError }
  | { readonly kind: 'committed'; readonly outcomes: readonly WireSettled[] }
  | { readonly kind: 'closed'; readonly error: WireError | null }

/** How a writer is started. */
export interface WriterOptions extends LedgerFileOptions {
  readonly limits?: Partial<WriterLimits>
  /** Starts the thread. Default: the writer worker beside this file. */
  readonly spawn?: SpawnWriter
}

/** Starts a writer's thread with its `workerData`. */
export type SpawnWriter = (data: unknown) => Worker

/** The writer of an open ledger. Appends as LedgerStore.append and subscribe as LedgerStore.subscribe say. */
export interface Writer {
  readonly header: LedgerHeader
  readonly created: boolean
  append(append: Append): Promise<Appended>
  subscribe(listener: LedgerListener): () => void
  /** Refuses further appends with LEDGER_CLOSED and resolves when what waits is committed. */
  finish(): Promise<void>
  /** Finishes, closes the connection, ends the thread. */
  close(): Promise<void>
}

/** Starts the writer of a file. Rejects with what LedgerFile.open throws. */
export async function startWriter(file: string, options: WriterOptions): Promise<Writer> {
  const { limits, spawn = spawnWorker, ...fileOptions } = options
  const worker = spawn({
    file,
    options: { busyTimeoutMs: WORKER_BUSY_TIMEOUT_MS, ...fileOptions, checked: true },
  })
  const { header, created } = await opened(worker, file)
  return new WorkerWriter(worker, file, { header, created }, { ...WRITER_LIMITS, ...limits })
}

function spawnWorker(data: unknown): Worker {
  return new Worker(
    new URL(`./writer-worker.${endingOf(import.meta.url)}`, import.meta.url),
    // Flags of the embedding program are not the thread's: with --input-type, say, it would not start.
    { workerData: data, execArgv: [] },
  )
}

function opened(worker: Worker, file: string): Promise<Extract<FromWriter, { kind: 'ready' }>> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => {
      forget()
      reject(error instanceof PathledgerError ? error : writerDied(file, error))
    }
    const exit = (): void => fail(null)
    const hear = (message: FromWriter): void => {
      if (message.kind !== 'ready') {
        fail(message.kind === 'refused' ? fromWire(message.error) : null)
        return
      }
      forget()
      resolve(message)
    }
    // One by one: a Worker keeps listeners of its own, which removeAllListeners() would take along.
    const forget = (): void => void worker.off('error', fail).off('exit', exit).off('message', hear)
    worker.on('error', fail).on('exit', exit).on('message', hear)
  })
}

class WorkerWriter implements Writer {
  readonly header: LedgerHeader
  readonly created: boolean
  readonly #worker: Worker
  readonly #queue: GroupCommit
  /** Batches that were sent and not answered, in their order. */
  readonly #sent: {
    readonly batch: readonly Append[]
    readonly done: (outcomes: readonly Settled[]) => void
  }[] = []
  #alive = true
  #closing: Promise<void> | null = null
  #onClosed: ((error: PathledgerError | null) => void) | null = null

  constructor(
    worker: Worker,
    file: string,
    facts: { readonly header: LedgerHeader; readonly created: boolean },
    limits: WriterLimits,
  ) {
    this.header = facts.header
    this.created = facts.created
    this.#worker = worker
    this.#queue = new GroupCommit((batch, done) => this.#send(batch, done), limits, BATCHES_AHEAD)
    worker.on('message', (message: FromWriter) => this.#hear(message))
    worker.on('error', (error) => this.#died(writerDied(file, error)))
    worker.on('exit', () => this.#died(writerDied(file, null)))
    worker.unref()
  }

  /** Checked here, so that the thread that writes has nothing to do but write. */
  async append(append: Append): Promise<Appended> {
    checkAppend(append)
    return this.#queue.append(append)
  }

  subscribe(listener: LedgerListener): () => void {
    return this.#queue.subscribe(listener)
  }

  finish(): Promise<void> {
    return this.#queue.finish(closed())
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  #send(batch: readonly Append[], done: (outcomes: readonly Settled[]) => void): void {
    this.#sent.push({ batch, done })
    // An idle writer keeps no process alive; one that commits does.
    this.#worker.ref()
    this.#worker.postMessage({ kind: 'commit', batch: batchToWire(batch) } satisfies ToWriter)
  }

  #hear(message: FromWriter): void {
    if (message.kind === 'closed') {
      this.#onClosed?.(message.error === null ? null : fromWire(message.error))
      return
    }
    if (message.kind !== 'committed') return
    const answered = this.#sent.shift()
    if (this.#sent.length === 0) this.#worker.unref()
    answered?.done(settledOf(answered.batch, message.outcomes))
  }

  #died(error: PathledgerError): void {
    this.#alive = false
    this.#queue.fail(error)
    this.#onClosed?.(null)
  }

  async #close(): Promise<void> {
    await this.finish()
    if (!this.#alive) return
    const failure = await new Promise<PathledgerError | null>((resolve) => {
      this.#onClosed = resolve
      this.#worker.ref()
      this.#worker.postMessage({ kind: 'close' } satisfies ToWriter)
    })
    this.#worker.unref()
    if (failure !== null) throw failure
  }
}

function settledOf(batch: readonly Append[], outcomes: readonly WireSettled[]): readonly Settled[] {
  return outcomes.flatMap((outcome, index) => {
    const append = batch[index]
    return append === undefined ? [] : [settledOfWire(outcome, append)]
  })
}

function writerDied(file: string, cause: unknown): PathledgerError {
  return new PathledgerError('LEDGER_IO', {
    message: `The writer of the ledger ${file} has died.`,
    why: cause instanceof Error ? `${cause.message}.` : 'Its thread ended without a word.',
    todo: 'Open the ledger again; append again with the same event ids: what is on it is not written twice.',
    errno: 'EIO',
    outcome: 'unknown',
    details: { file },
    cause,
  })
}
