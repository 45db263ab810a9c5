// An engine over two file paths that lives through a hang, a ghost, a failover, a removal and a close, and dies by SIGKILL at a
// named point. Argument: JSON of StorySettings. Prints each point that it comes to; what it writes is in its log.
//
// Points: `append.before TYPE`, `append.after TYPE` (durable, its engine has not heard of it), `lun.before WHAT`, `lun.after WHAT`,
// `submit.before OP`, `submit.after OP` (with the device), `complete OP` (done, the engine has not heard of it).
import { openSync, writeSync } from 'node:fs'
import { alignedBytes, filePath, hangFilter, Multipath } from '../../../../index.ts'
import type { PathDevice } from '../../../../index.ts'
import { wrapPath } from '../../../../adapters/filters/wrap.ts'
import { ledgerFacts, systemPorts } from '../../../../engine/assemble.ts'
import { openLunFile } from '../../../../store/lun/lun-file.ts'
import type { LunStore } from '../../../../store/lun/types.ts'
import { openLedger } from '../../../../store/write/open.ts'
import type { Append, LedgerStore } from '../../../../store/types.ts'
import type { StorySettings } from '../story.ts'

const { ledger, luns, image, wwid, log, dieAt, blockBytes } = JSON.parse(
  process.argv[2] ?? '',
) as StorySettings
const out = openSync(log, 'a')

function point(name: string): void {
  process.stdout.write(`${name}\n`)
  if (name === dieAt) process.kill(process.pid, 'SIGKILL')
}

/** A store that dies before or after it has committed something. */
function mortal(store: LedgerStore): LedgerStore {
  const points = ({ events }: Append, when: string) => {
    for (const { type } of events) point(`append.${when} ${type}`)
  }
  return {
    ...store,
    append: async (append: Append) => {
      points(append, 'before')
      const appended = await store.append(append)
      points(append, 'after')
      return appended
    },
  }
}

const MORTAL_CALLS = ['openGhosts', 'endGhosts', 'attach', 'detach', 'join'] as const

function mortalLun(store: LunStore): LunStore {
  const calls = MORTAL_CALLS.map((name) => {
    const inner = store[name] as (...given: unknown[]) => Promise<void>
    const call = async (...given: unknown[]) => {
      point(`lun.before ${name}`)
      await inner.apply(store, given)
      point(`lun.after ${name}`)
    }
    return [name, call] as const
  })
  return Object.assign(store, Object.fromEntries(calls))
}

function mortalPath(inner: PathDevice): PathDevice {
  return wrapPath(inner, (request, done) => {
    point(`submit.before ${request.op}`)
    inner.submit(request, (completion) => {
      point(`complete ${request.op}`)
      done(completion)
    })
    point(`submit.after ${request.op}`)
  })
}

const ports = systemPorts()
const mp = await Multipath.open({
  ledger: mortal(await openLedger(ledger, ledgerFacts(ports))),
  multipath: 'always',
  attemptTimeoutMs: 100,
  probeTimeoutMs: 100,
  checker: { minMs: 10, maxMs: 20 },
  ghostQuiesceMs: 0,
  closeGraceMs: 200,
  ports: {
    lunStorage: async (id) => mortalLun(await openLunFile(luns, id, `engine-${process.pid}`)),
  },
})

async function path(hctl: string): Promise<PathDevice> {
  return filePath(image, { lun: { wwid, implicitAlua: true }, hctl })
}

const hanging = hangFilter(await path('8:0:0:0'))
const a = await mp.addPath(mortalPath(hanging.path))
await mp.addPath(mortalPath(await path('9:0:0:0')))
const head = mp.head(wwid)
let generation = Number(process.argv[3] ?? '0')

async function write(block: number): Promise<void> {
  generation += 1
  const mine = generation
  const data = alignedBytes(blockBytes).fill(mine)
  writeSync(out, `S ${block} ${mine}\n`)
  await head.write({ offset: block * blockBytes, data })
  writeSync(out, `A ${block} ${mine}\n`)
}

// What an earlier run left has been looked at: there is no server behind a file.
mp.releaseGhosts({ reason: 'a file has no server' })
for (let block = 0; block < 8; block += 1) await write(block)
await head.flush()
hanging.control.enable()
// It goes down A, hangs, and is acknowledged through B: A leaves a ghost.
await write(2)
const newer = write(2)
await write(5)
hanging.control.disable()
await newer
while (!a.usable) await new Promise((resolve) => setTimeout(resolve, 5))
await write(3)
await head.flush()
await a.remove()
await write(4)
await mp.close()
point('closed')
