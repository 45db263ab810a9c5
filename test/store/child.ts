// Children of tests: started with this Node, their output collected.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export interface Child {
  readonly process: ChildProcess
  /** Everything it has printed so far. */
  output(): string
  /** Resolves when its output matches; rejects when it ends before. */
  printed(pattern: RegExp): Promise<void>
  /** Resolves with its exit code, or its signal. */
  readonly ended: Promise<number | NodeJS.Signals | null>
}

/** Starts a script of test/store/children. */
export function startChild(script: string, ...args: readonly string[]): Child {
  const file = fileURLToPath(new URL(`./children/${script}`, import.meta.url))
  const child = spawn(process.execPath, [file, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  let errors = ''
  const ended = new Promise<number | NodeJS.Signals | null>((resolve) => {
    child.on('close', (code, signal) => resolve(code ?? signal))
  })
  child.stderr.on('data', (chunk) => (errors += String(chunk)))
  child.stdout.on('data', (chunk) => (output += String(chunk)))
  return {
    process: child,
    ended,
    output: () => output,
    printed: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (!pattern.test(output)) return
          child.stdout.off('data', look)
          resolve()
        }
        child.stdout.on('data', look)
        look()
        void ended.then(() => reject(new Error(`${script} ended, having printed: ${output}${errors}`)))
      }),
  }
}
