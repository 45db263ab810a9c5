// An engine in a process of its own, and orders to it (children/engine.ts).
import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import { expect } from 'vitest'

export interface EngineSettings {
  /** Its initiator id; null: the one that its ledger gives it. */
  readonly name: string | null
  readonly ledger: string
  readonly lunFolder: string
  readonly wwid: string
  readonly devices: readonly { readonly device: string; readonly hctl: string }[]
  readonly waitMs: number
}

export interface Answer {
  readonly ok: boolean
  readonly code?: string
  readonly why?: string
  readonly value?: { readonly acknowledged: number; readonly ended: string | null }
}

export type Order = Readonly<Record<string, unknown>>

export class EngineProcess {
  readonly #child: ChildProcess
  readonly #lines: AsyncIterableIterator<string>

  private constructor(child: ChildProcess, lines: Interface) {
    this.#child = child
    this.#lines = lines[Symbol.asyncIterator]()
  }

  /** Resolves when it has its paths. */
  static async start(settings: EngineSettings): Promise<EngineProcess> {
    const script = join(import.meta.dirname, 'children', 'engine.ts')
    const child = spawn(process.execPath, [script, JSON.stringify(settings)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const engine = new EngineProcess(child, createInterface({ input: child.stdout }))
    expect(await engine.#answer()).toEqual({ ready: true })
    return engine
  }

  async ask(order: Order): Promise<Answer> {
    this.send(order)
    return (await this.#answer()) as Answer
  }

  /** Gives an order whose answer nobody waits for. */
  send(order: Order): void {
    this.#child.stdin!.write(`${JSON.stringify(order)}\n`)
  }

  async good(order: Order): Promise<Answer> {
    const answer = await this.ask(order)
    expect(answer, JSON.stringify(order)).toMatchObject({ ok: true })
    return answer
  }

  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return Promise.resolve()
    return new Promise((resolve) => {
      this.#child.once('exit', () => resolve())
      this.#child.kill('SIGKILL')
    })
  }

  async #answer(): Promise<unknown> {
    const { value, done } = await this.#lines.next()
    if (done === true) throw new Error('the engine has ended')
    return JSON.parse(value)
  }
}
