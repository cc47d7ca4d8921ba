import AssayDomain
import Glibc

/// Small texts in a folder of the user's cache, one file each.
///
/// What is kept there only saves work, so a failure to read or write is the same as nothing being there.
struct CacheFolder: Sendable {
    private static let folderMode: mode_t = 0o700
    private static let fileMode: mode_t = 0o600

    private let path: String?

    /// The folder is made when the first text is written; nil keeps none.
    init(_ path: String?) { self.path = path }

    func text(_ name: String, bytesMax: Int) -> String? {
        guard let path, let file = try? LocalFile(opening: "\(path)/\(name)"),
            let bytes = try? file.readAll(bytesMax: bytesMax)
        else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Keeps a text, replacing what was there in one step.
    func keep(_ text: String, as name: String) {
        guard let path, makeFolder(path) else { return }
        let draft = "\(path)/\(name).\(getpid())"
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, Self.fileMode)
        guard descriptor >= 0 else { return }
        let bytes = Array(text.utf8)
        let isWritten = write(descriptor, bytes, bytes.count) == bytes.count
        close(descriptor)
        if !isWritten || rename(draft, "\(path)/\(name)") != 0 { unlink(draft) }
    }

    func remove(_ name: String) {
        if let path { unlink("\(path)/\(name)") }
    }

    /// Makes the folder and those above it; true if it is there afterwards.
    private func makeFolder(_ folder: String) -> Bool {
        var position = folder.startIndex
        while let slash = folder[position...].dropFirst().firstIndex(of: "/") {
            mkdir(String(folder[..<slash]), Self.folderMode)
            position = slash
        }
        return mkdir(folder, Self.folderMode) == 0 || errno == EEXIST
    }
}
