// Who this process is.

/** Number of this process: a fact for the ledger, never an input of a decision. */
export function systemPid(): number {
  return process.pid
}
