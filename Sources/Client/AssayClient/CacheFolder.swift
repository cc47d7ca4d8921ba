import AssayDomain

/// Small texts in a folder of the user's cache, one file each.
///
/// What is kept there only saves work, so a failure to read or write is the same as nothing being there, and so is a
/// folder or file that is not this user's alone.
struct CacheFolder: Sendable {
    private static let kind = "the cache"

    private let path: String?

    /// The folder is made when the first text is written; nil keeps none.
    init(_ path: String?) { self.path = path }

    func text(_ name: String, bytesMax: Int) -> String? {
        // Nothing is lost with a text that cannot be read.
        guard let path, let folder = try? FolderHandle.openOwn(path: path, called: Self.kind),
            let file = try? folder.ownFile(name), let bytes = try? file.readAll(bytesMax: bytesMax)
        else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Keeps a text, replacing what was there in one step.
    func keep(_ text: String, as name: String) {
        // Nor with one that cannot be kept.
        guard let path, let folder = try? FolderHandle.makeOwn(path: path, called: Self.kind) else { return }
        try? folder.write(Array(text.utf8), as: name, replacing: true)
    }

    func remove(_ name: String) {
        guard let path, let folder = try? FolderHandle.openOwn(path: path, called: Self.kind) else { return }
        folder.remove(name)
    }
}
