// The writer's thread: the only connection that writes. It commits what it is sent, one batch at a time, and answers.
import { parentPort, workerData } from 'node:worker_threads'
import { invariant, PathledgerError } from '../../errors.ts'
import { batchOfWire, settledToWire } from './append-wire.ts'
import { toWire } from '../file/error-wire.ts'
import { LedgerFile } from './ledger-file.ts'
import type { LedgerFileOptions } from './ledger-file.ts'
import { CACHES_IDLE_MS } from '../limits.ts'
import { ledgerError } from '../file/sqlite-errors.ts'
import type { FromWriter, ToWriter } from './writer.ts'

/** What the thread is started with. */
export interface WriterData {
  readonly file: string
  readonly options: LedgerFileOptions
}

const port = parentPort
invariant(port !== null, 'the writer runs in a worker thread')
const say = (message: FromWriter): void => port.postMessage(message)
const { file, options } = workerData as WriterData

try {
  const ledger = LedgerFile.open(file, options)
  say({ kind: 'ready', header: ledger.header, created: ledger.created })
  const idle = whenIdle(ledger)
  port.on('message', (message: ToWriter) => {
    idle.notNow()
    if (message.kind === 'commit') {
      say({ kind: 'committed', outcomes: ledger.appendBatch(batchOfWire(message.batch)).map(settledToWire) })
      idle.soon()
    } else close(ledger)
  })
} catch (error) {
  say({ kind: 'refused', error: toWire(ledgerError(error, file)) })
}

/** Keeps up the caches while there is nothing to commit, a step at a time, so that no commit waits for more than one. */
function whenIdle(ledger: LedgerFile): { soon: () => void; notNow: () => void } {
  let timer: NodeJS.Timeout | null = null
  const soon = (afterMs = CACHES_IDLE_MS): void => {
    timer = setTimeout(() => {
      if (ledger.keepUp()) soon(0)
    }, afterMs)
    timer.unref()
  }
  return {
    soon: () => soon(),
    notNow: () => {
      if (timer !== null) clearTimeout(timer)
      timer = null
    },
  }
}

function close(ledger: LedgerFile): void {
  try {
    ledger.close()
    say({ kind: 'closed', error: null })
  } catch (error) {
    say({
      kind: 'closed',
      error: toWire(error instanceof PathledgerError ? error : ledgerError(error, file)),
    })
  }
  port?.close()
}
