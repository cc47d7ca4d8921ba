/// The one rule for paths of files in archives, manifests and signatures.
///
/// A path that passes is relative, has forward slashes only, stays below the folder that it is resolved in, and means
/// the same on every system. It is compared byte for byte and never normalised.
package enum EntryPath {
    /// The longest path in bytes.
    package static let bytesMax = 1_024
    /// The longest component in bytes; most file systems take no more.
    package static let componentBytesMax = 255
    /// The most components of a path.
    package static let depthMax = 32

    /// Throws `path-escapes` or `path-invalid`.
    package static func check(_ path: String) throws(ArchiveError) {
        guard !path.isEmpty else { throw invalid(path, "is empty") }
        guard path.utf8.count <= bytesMax else { throw ArchiveError(.pathInvalid, "a path is over \(bytesMax) bytes") }
        guard path.utf8.first != UInt8(ascii: "/") else { throw ArchiveError(.pathEscapes, "'\(path)' is absolute") }
        guard path.unicodeScalars.allSatisfy(isPlain) else {
            throw invalid(path, "has a backslash or a control character")
        }
        let components = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard components.count <= depthMax else { throw invalid(path, "has over \(depthMax) components") }
        for component in components { try check(component, of: path) }
        let first = Array(components[0].prefix(2))
        guard first.count < 2 || first[1] != UInt8(ascii: ":") || !isLetter(first[0]) else {
            throw invalid(path, "starts with a drive letter")
        }
    }

    private static func check(_ component: Substring.UTF8View, of path: String) throws(ArchiveError) {
        let dot = UInt8(ascii: ".")
        guard !component.elementsEqual([dot, dot]) else { throw ArchiveError(.pathEscapes, "'\(path)' has '..' in it") }
        guard !component.isEmpty, !component.elementsEqual([dot]) else {
            throw invalid(path, "has an empty component or '.' in it")
        }
        guard component.count <= componentBytesMax else {
            throw invalid(path, "has a component over \(componentBytesMax) bytes")
        }
    }

    private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: false
        default: scalar != "\\"
        }
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20
    }

    private static func invalid(_ path: String, _ reason: String) -> ArchiveError {
        ArchiveError(.pathInvalid, "'\(path)' \(reason)")
    }
}

/// The paths seen so far: no file twice, and none that is a file here and a folder there.
///
/// Paths are kept as they are, so the caller bounds how many there are. They are kept as bytes: as texts, `é` in one
/// scalar and in two would be the same path.
package struct PathTree {
    private var files: Set<[UInt8]> = []
    private var folders: Set<[UInt8]> = []
    private var listedFolders: Set<[UInt8]> = []

    package init() {}

    /// Adds a file whose path was checked. Throws `duplicate-entry` or `path-conflict`.
    package mutating func insertFile(_ path: String) throws(ArchiveError) {
        let bytes = Array(path.utf8)
        guard !folders.contains(bytes) else { throw ArchiveError(.pathConflict, "'\(path)' is a file and a folder") }
        guard files.insert(bytes).inserted else { throw ArchiveError(.duplicateEntry, "'\(path)' occurs twice") }
        try insertFolders(above: path)
    }

    /// Adds a folder whose path was checked. Throws `duplicate-entry` or `path-conflict`.
    package mutating func insertFolder(_ path: String) throws(ArchiveError) {
        let bytes = Array(path.utf8)
        guard listedFolders.insert(bytes).inserted else {
            throw ArchiveError(.duplicateEntry, "'\(path)' occurs twice")
        }
        guard !files.contains(bytes) else { throw ArchiveError(.pathConflict, "'\(path)' is a file and a folder") }
        folders.insert(bytes)
        try insertFolders(above: path)
    }

    private mutating func insertFolders(above path: String) throws(ArchiveError) {
        var rest = Array(path.utf8)[...]
        while let slash = rest.lastIndex(of: UInt8(ascii: "/")) {
            rest = rest[..<slash]
            let folder = Array(rest)
            guard !files.contains(folder) else {
                throw ArchiveError(.pathConflict, "'\(String(decoding: folder, as: UTF8.self))' is a file and a folder")
            }
            if !folders.insert(folder).inserted { return }
        }
    }
}
