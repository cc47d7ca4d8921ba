import AssayArchive
package import AssayDomain

extension ModelPack {
    /// The files that a manifest lists, in its order; every layer is one, so that no content stands outside of them.
    ///
    /// A file's path is its ModelPack annotation or, in artifacts of other producers, the OCI title. A layer with
    /// neither, or with a title that is a text and not a path, is called `sha256-<hex>` after its digest. A layer is a
    /// file whatever its type says, also one whose bytes were never pushed: a client may find them elsewhere.
    /// Throws `path-unsafe` for a ModelPack path that leads elsewhere, and for two files that cannot lie in one folder.
    package static func files(of manifest: Manifest) throws(AssayError) -> [VersionFile] {
        var files: [VersionFile] = []
        var known: Set<VersionFile> = []
        var paths = PathRules()
        for layer in manifest.layers {
            let file = VersionFile(path: try path(of: layer), digest: layer.digest, size: layer.size)
            // Images repeat their empty layers; the same file twice is one file.
            guard known.insert(file).inserted else { continue }
            try paths.add(file.path)
            files.append(file)
        }
        return files
    }

    /// The path of the file that a layer is. Throws `path-unsafe`.
    static func path(of layer: Descriptor) throws(AssayError) -> String {
        if let path = layer.annotations?[Annotation.modelFilePath] {
            try ArchiveFault.checkPath(path)
            return path
        }
        if let title = layer.annotations?[Annotation.title], (try? EntryPath.check(title)) != nil {
            return title  // A title that fails the check is only a text, and the digest names the file.
        }
        return "\(layer.digest.algorithm.rawValue)-\(layer.digest.hex)"
    }
}

/// The paths of one version: each safe by itself, and all of them able to lie in one folder.
struct PathRules {
    private var tree = PathTree()

    /// Throws `path-unsafe`.
    mutating func add(_ path: String) throws(AssayError) {
        try ArchiveFault.checkPath(path)
        try ArchiveFault.insert(path, into: &tree)
    }
}
