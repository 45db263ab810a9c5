// The parent's side of an engine in a child process: orders and answers, until it dies.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Answer, ChildSettings, Doing, Order, Unasked } from './orders.ts'

const ENTRY = join(import.meta.dirname, 'children', 'engine.ts')

/** What is asked of an engine that is dead. */
export class EngineGone extends Error {}

/** How a path is fenced; null when it is not. */
export type FenceAnswer = (hctl: string) => Promise<string | null>

export class ChaosEngine {
  readonly #process: ChildProcess
  readonly #waiting = new Map<number, { resolve(answer: Answer): void; reject(error: Error): void }>()
  readonly #gone: Promise<void>
  #lastId = 0
  #killed = false
  #closed = false
  /** H:C:I:L of the paths that it has, as far as it has answered. */
  readonly has = new Set<string>()
  /** What it was told to be settled with: see `settle` in chaos.ts. */
  readonly ready: Promise<void>

  constructor(settings: ChildSettings, fence: FenceAnswer) {
    this.#process = spawn(process.execPath, [ENTRY, JSON.stringify(settings)], {
      stdio: ['pipe', 'pipe', 'inherit'],
      // A Ctrl-C is for the parent, which ends its children in order.
      detached: true,
    })
    this.#gone = new Promise((resolve) => {
      this.#process.once('close', () => {
        for (const { reject } of this.#waiting.values()) reject(new EngineGone())
        this.#waiting.clear()
        resolve()
      })
    })
    this.#process.stdin?.on('error', () => undefined)
    this.ready = new Promise((resolve, reject) => {
      const lines = createInterface({ input: this.#process.stdout as NodeJS.ReadableStream })
      lines.on('line', (line) => {
        const { ready, fence: asked, ...answer } = JSON.parse(line) as Answer & Unasked & { id?: number }
        if (ready === true) resolve()
        if (asked !== undefined) void this.#fence(asked.id, asked.hctl, fence)
        if (answer.id !== undefined) this.#answered(answer.id, answer)
      })
      void this.#gone.then(() => reject(new EngineGone()))
    })
    this.ready.catch(() => undefined)
  }

  get alive(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null
  }

  /** It ended, and neither was it killed nor told to end. */
  get died(): boolean {
    return !this.alive && !this.#killed && !this.#closed
  }

  /** Gives an order; rejects with EngineGone when it dies first. */
  ask(what: Doing, order: Omit<Order, 'id' | 'do'> = {}): Promise<Answer> {
    if (!this.alive) return Promise.reject(new EngineGone())
    this.#lastId += 1
    const id = this.#lastId
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#process.stdin?.write(`${JSON.stringify({ id, do: what, ...order })}\n`)
    })
  }

  /** SIGKILL; resolves when it is gone. */
  async kill(): Promise<void> {
    this.#killed = true
    this.#process.kill('SIGKILL')
    await this.#gone
  }

  /** It has been told to close; the end of its input ends it. */
  async end(): Promise<void> {
    this.#closed = true
    this.#process.stdin?.end()
    await this.#gone
  }

  #answered(id: number, answer: Answer): void {
    this.#waiting.get(id)?.resolve(answer)
    this.#waiting.delete(id)
  }

  async #fence(id: number, hctl: string, fence: FenceAnswer): Promise<void> {
    const detail = await fence(hctl)
    await this.ask('fenced', { fence: id, detail }).catch(() => undefined)
  }
}
