// The test's side of an engine in a process of its own.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { AttachedLoop } from '../../../adapters/paths/loops.ts'
import type { ChildPath, ChildSettings, Doing, Order } from './children/orders.ts'
import { SHORT, WWID } from './rig.ts'
import type { HangRig } from './rig.ts'
import { end, until } from './servers.ts'

interface Answer {
  readonly ok: boolean
  readonly value?: unknown
  readonly code?: string | null
  readonly outcome?: string | null
  readonly error?: string
}

export interface StartSettings {
  readonly with?: readonly string[]
  readonly guardsOff?: boolean
  readonly options?: object
}

export class EngineChild {
  readonly #process: ChildProcess
  readonly #attached = new Map<string, AttachedLoop>()
  readonly #waiting = new Map<number, (answer: Answer) => void>()
  #lastId = 0
  #ready = false

  private constructor(process: ChildProcess) {
    this.#process = process
    const lines = createInterface({ input: process.stdout as NodeJS.ReadableStream })
    lines.on('line', (line) => {
      const { id, ready, ...answer } = JSON.parse(line) as Answer & { id?: number; ready?: boolean }
      if (ready === true) this.#ready = true
      if (id !== undefined) this.#waiting.get(id)?.(answer)
    })
    process.stdin?.on('error', () => undefined)
  }

  /** Starts an engine on the rig's ledger, over paths of the rig. Their devices stay attached until {@link detach}. */
  static async start(rig: HangRig, settings: StartSettings = {}): Promise<EngineChild> {
    const { with: names = ['A', 'B'], guardsOff = false, options = {} } = settings
    const attached = new Map<string, AttachedLoop>()
    const paths: ChildPath[] = []
    for (const name of names) {
      const loop = await rig.served(name).attach()
      rig.atEnd(() => loop.release())
      attached.set(name, loop)
      paths.push({ device: loop.device, hctl: rig.hctl(name) })
    }
    const facts: ChildSettings = {
      ledger: rig.ledger,
      wwid: WWID,
      paths,
      guardsOff,
      options: { ...SHORT, ...options },
    }
    const entry = join(import.meta.dirname, 'children', 'engine.ts')
    const child = new EngineChild(
      spawn(process.execPath, [entry, JSON.stringify(facts)], { stdio: ['pipe', 'pipe', 'inherit'] }),
    )
    for (const [name, loop] of attached) child.#attached.set(name, loop)
    rig.atEnd(async () => {
      await child.kill()
    })
    await until('the child is ready', () => child.#ready || child.ended)
    if (child.ended) throw new Error('the engine in the child process did not start')
    return child
  }

  get ended(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null
  }

  device(name: string): string {
    return this.#attached.get(name)?.device ?? ''
  }

  /** Adds a path while the engine runs. */
  async add(rig: HangRig, name: string): Promise<Answer> {
    const loop = await rig.served(name).attach()
    rig.atEnd(() => loop.release())
    this.#attached.set(name, loop)
    return this.ask('add', { path: { device: loop.device, hctl: rig.hctl(name) } })
  }

  /** Gives an order; resolves with its answer. */
  ask(what: Doing, order: Omit<Order, 'id' | 'do'> = {}): Promise<Answer> {
    const id = (this.#lastId += 1)
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve)
      this.#process.stdin?.write(`${JSON.stringify({ id, do: what, ...order })}\n`)
    })
  }

  /** SIGKILL; resolves with the milliseconds until it was gone. */
  async kill(): Promise<number> {
    const start = performance.now()
    await end(this.#process)
    return performance.now() - start
  }

  /** Resolves with the milliseconds until it has ended by itself. */
  async exited(): Promise<number> {
    const start = performance.now()
    await until('the child has ended', () => this.ended)
    return performance.now() - start
  }

  /** Lets go of the devices: they go with their last close. */
  async detach(): Promise<void> {
    for (const loop of this.#attached.values()) await loop.release()
    this.#attached.clear()
  }
}
