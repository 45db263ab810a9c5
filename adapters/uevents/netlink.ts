// The socket on which the kernel tells of devices, through koffi. None of these calls waits.
import koffi from 'koffi'
import { errnoOfNumber } from '../errno.ts'

const AF_NETLINK = 16
/** SOCK_RAW, SOCK_NONBLOCK and SOCK_CLOEXEC: nobody waits on it and no child inherits it. */
const RAW_NONBLOCK_CLOEXEC = 0o2004003
const NETLINK_KOBJECT_UEVENT = 15
/** The kernel's own messages. Group 2 has what udev makes of them, which is not needed here. */
const KERNEL_GROUP = 1
const MSG_DONTWAIT = 0x40
/** The length of a message that did not fit is answered too, so that it is seen to be cut. */
const MSG_TRUNC = 0x20
/** struct sockaddr_nl: family (two bytes), padding (two), the sender's port, the groups. */
const ADDRESS_BYTES = 12

/** `null` names the process itself, which has the C library in it, whichever that is. */
const library = koffi.load(null)
type Call<Arguments extends readonly unknown[]> = (...given: Arguments) => number
const socketCall = library.func('int socket(int domain, int type, int protocol)') as unknown as Call<
  [number, number, number]
>
const bindCall = library.func('int bind(int fd, const void *address, uint32_t length)') as unknown as Call<
  [number, Uint8Array, number]
>
const receiveCall = library.func(
  'long recvfrom(int fd, void *buffer, size_t length, int flags, void *address, void *addressLength)',
) as unknown as Call<[number, Uint8Array, number, number, Uint8Array, Uint32Array]>
const closeCall = library.func('int close(int fd)') as unknown as Call<[number]>

/** What came of asking the socket: a message, or why there is none. */
export type Received =
  | { readonly bytes: number; readonly sender: number; readonly errno: null }
  | { readonly bytes: 0; readonly sender: 0; readonly errno: string }

/** The calls that listening needs. A test has its own. */
export interface Netlink {
  /** Answers the descriptor of a socket that hears the kernel, or the name of the error. */
  open(): number | string
  /** Takes one message. `bytes` is its whole length, also where that is more than `into` holds; the kernel's sender is 0. */
  receive(fd: number, into: Uint8Array): Received
  close(fd: number): void
}

/** The machine's own. */
export const netlink: Netlink = {
  open() {
    const fd = socketCall(AF_NETLINK, RAW_NONBLOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT)
    if (fd < 0) return errnoOfNumber(koffi.errno())
    const address = new Uint8Array(ADDRESS_BYTES)
    const fields = new DataView(address.buffer)
    fields.setUint16(0, AF_NETLINK, true)
    // Port 0: the kernel chooses one.
    fields.setUint32(8, KERNEL_GROUP, true)
    if (bindCall(fd, address, address.length) >= 0) return fd
    const errno = errnoOfNumber(koffi.errno())
    closeCall(fd)
    return errno
  },
  receive(fd, into) {
    const address = new Uint8Array(ADDRESS_BYTES)
    const length = Uint32Array.of(ADDRESS_BYTES)
    const bytes = receiveCall(fd, into, into.length, MSG_DONTWAIT | MSG_TRUNC, address, length)
    if (bytes < 0) return { bytes: 0, sender: 0, errno: errnoOfNumber(koffi.errno()) }
    return { bytes, sender: new DataView(address.buffer).getUint32(4, true), errno: null }
  },
  close(fd) {
    closeCall(fd)
  },
}
