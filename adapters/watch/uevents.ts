// The kernel's uevents with all that they say, as they come. Needs no privilege, and none of these calls waits.
import { MESSAGE_BYTES_MAX, ueventProperties } from '../uevents/message.ts'
import { netlink, type Netlink } from '../uevents/netlink.ts'

/** Messages taken at once. */
const MESSAGES_A_TURN = 256

/** What came of a turn. */
export interface UeventTurn {
  readonly events: readonly ReadonlyMap<string, string>[]
  /** Some were dropped, or could not be read. */
  readonly lost: boolean
}

export class UeventStream {
  readonly #calls: Netlink
  readonly #fd: number
  readonly #into = new Uint8Array(MESSAGE_BYTES_MAX)

  private constructor(calls: Netlink, fd: number) {
    this.#calls = calls
    this.#fd = fd
  }

  /** Opens the socket, or answers the name of the error. */
  static open(calls: Netlink = netlink): UeventStream | string {
    const fd = calls.open()
    return typeof fd === 'string' ? fd : new UeventStream(calls, fd)
  }

  take(): UeventTurn {
    const events: ReadonlyMap<string, string>[] = []
    let lost = false
    for (let taken = 0; taken < MESSAGES_A_TURN; taken += 1) {
      const { bytes, sender, errno } = this.#calls.receive(this.#fd, this.#into)
      if (errno === 'EINTR') continue
      if (errno === 'ENOBUFS') lost = true
      else if (errno !== null) break
      // Anybody may send to the group who may administer the network: only the kernel is believed.
      else if (sender === 0) {
        const event = bytes > this.#into.length ? null : ueventProperties(this.#into.subarray(0, bytes))
        if (event === null) lost = true
        else events.push(event)
      }
    }
    return { events, lost }
  }

  close(): void {
    this.#calls.close(this.#fd)
  }
}
