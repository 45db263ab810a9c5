// An engine in a process of its own, under orders on stdin: one JSON object a line, one answer a line.
//
// It writes while it is told to: each block says who wrote it and how many writes there were before. What it was told was
// acknowledged, and how the last one ended, is in its answers.
import { createInterface } from 'node:readline'
import { Multipath, hangFilter, loopPath, virtualLun, type PathledgerError } from '../../../../index.ts'

interface Settings {
  readonly name: string | null
  readonly ledger: string
  readonly lunFolder: string
  readonly wwid: string
  readonly devices: readonly { readonly device: string; readonly hctl: string }[]
  readonly waitMs: number
}

interface Order {
  readonly do:
    'register' | 'reserve' | 'preempt' | 'clear' | 'write' | 'stop' | 'hang' | 'heal' | 'report' | 'close'
  readonly key?: string
  readonly victim?: string
  readonly mark?: number
}

const BLOCK = 4096
const TYPE = 'write-exclusive-reg-only'
const settings = JSON.parse(process.argv[2] ?? '{}') as Settings
const { ledger, lunFolder, wwid, name, waitMs } = settings
const mp = await Multipath.open({
  ...{ ledger, lunFolder, multipath: 'always', iopolicy: 'round-robin' },
  ...(name === null ? {} : { initiator: name }),
  ...{ reservationWaitMs: waitMs, attemptTimeoutMs: 0 },
})
const lun = virtualLun({ wwid })
const hangs: ReturnType<typeof hangFilter>['control'][] = []
for (const { device, hctl } of settings.devices) {
  const { path, control } = hangFilter(await loopPath(device, { lun, hctl }))
  hangs.push(control)
  await mp.addPath(path)
}
const head = mp.head(wwid)
const { reservations } = head

let writing: Promise<void> = Promise.resolve()
let [mark, acknowledged, ended]: [number | null, number, string | null] = [null, 0, null]

async function writeOn(): Promise<void> {
  const data = new Uint32Array(BLOCK / 4)
  while (mark !== null) {
    data.fill(mark)
    try {
      await head.write({ offset: 0, data: new Uint8Array(data.buffer) })
      acknowledged += 1
    } catch (error) {
      ended = (error as PathledgerError).errno
      return
    }
  }
}

function setHung(on: boolean): void {
  if (on) hangs[0]?.enable()
  else hangs[0]?.disable()
}

function say(answer: object): void {
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}

async function perform(order: Order): Promise<unknown> {
  const { key = '0x0', victim = '0x0' } = order
  switch (order.do) {
    case 'register':
      return reservations.register(key, { ignore: true })
    case 'reserve':
      return reservations.reserve(key, TYPE)
    case 'preempt':
      return reservations.preempt(key, victim, TYPE)
    case 'clear':
      return reservations.clear(key)
    case 'write':
      ;[mark, acknowledged, ended] = [order.mark ?? 0, 0, null]
      writing = writeOn()
      return null
    case 'stop':
      mark = null
      await writing
      return { acknowledged, ended }
    case 'hang':
    case 'heal':
      setHung(order.do === 'hang')
      return null
    case 'report':
      return {
        keys: reservations.readKeys(),
        reservation: reservations.readReservation(),
        acknowledged,
        ended,
      }
    case 'close':
      mark = null
      await writing
      return mp.close()
  }
}

say({ ready: true })
for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line) as Order
  const answer = await perform(order).then(
    (value) => ({ ok: true, value: value ?? null }),
    (error: unknown) => ({
      ok: false,
      code: (error as PathledgerError).code,
      why: (error as PathledgerError).why,
    }),
  )
  say(answer)
  if (order.do === 'close') break
}
