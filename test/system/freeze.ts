// SIGSTOP that has happened when it returns.
import { readdirSync, readFileSync } from 'node:fs'

const WAIT_MS = 20_000

/**
 * Stops a process of ours. A signal is only on its way when kill() returns, and a thread on another processor may answer
 * one more request until it has come: waits until every thread has stopped.
 */
export function freeze(pid: number): void {
  process.kill(pid, 'SIGSTOP')
  const end = performance.now() + WAIT_MS
  while (!hasStopped(pid)) {
    if (performance.now() > end) throw new Error(`process ${pid} does not stop`)
  }
}

/** The state stands behind the name, which may hold anything. */
function hasStopped(pid: number): boolean {
  const threads = `/proc/${pid}/task`
  return readdirSync(threads).every((thread) => {
    const stat = readFileSync(`${threads}/${thread}/stat`, 'latin1')
    return stat.charAt(stat.lastIndexOf(')') + 2) === 'T'
  })
}
