import Glibc

/// One process's turn to write into a folder; it ends with this value, and with the process.
package final class FolderTurn: Sendable {
    private let descriptor: Int32?  // owned

    /// Nil while somebody else has the turn.
    init?(of folder: Int32) {
        // A descriptor of its own: a lock belongs to what was opened, and closing that ends it.
        let opened = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard opened >= 0 else {
            descriptor = nil
            return
        }
        guard flock(opened, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK else {
            close(opened)
            return nil
        }
        descriptor = opened
    }

    deinit { if let descriptor { close(descriptor) } }
}
