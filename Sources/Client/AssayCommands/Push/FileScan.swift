import AssayBundle
import AssayClient
import AssayDomain
import Glibc

/// A local file and the path that it has within a version.
struct ScannedFile: Sendable, Hashable {
    let path: String
    let localPath: String
}

/// Finds the files that arguments name: a folder stands for what is in it, a lone file for itself.
///
/// Links, pipes and devices are refused and not skipped: a version that silently lacks a file is worse than none.
struct FileScan {
    /// The deepest nesting of folders.
    static let depthMax = 32

    private(set) var files: [ScannedFile] = []
    /// Top-level names that were left out, because no signature can cover them.
    private(set) var leftOut: [String] = []
    /// The signatures of models among them, by where they lie.
    private(set) var signatures: [BroughtSignature] = []
    private let isLeavingOut: Bool

    /// Throws `file-not-found`, `file-type-refused`, `path-unsafe`, `file-inaccessible`, `too-many-entries`.
    ///
    /// `isLeavingOut` says whether names that no signature covers, and unfinished downloads, are left out.
    static func scan(_ arguments: [String], isLeavingOut: Bool = true) throws -> FileScan {
        var scan = FileScan(isLeavingOut: isLeavingOut)
        for argument in arguments { try scan.add(argument: argument) }
        guard !scan.files.isEmpty else {
            throw AssayError(.usage, "there are no files to push", remedy: "name a file, or a folder that holds one")
        }
        try scan.checkPaths()
        scan.files.sort { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
        return scan
    }

    private init(isLeavingOut: Bool) { self.isLeavingOut = isLeavingOut }

    private mutating func add(argument: String) throws {
        guard !argument.isEmpty else { throw AssayError(.fileNotFound, "an empty path names no file") }
        switch try Self.type(of: argument) {
        case S_IFDIR: try add(folder: argument, path: "", depth: 0)
        case S_IFREG: try add(file: argument, path: Self.lastComponent(of: argument))
        default: throw Self.refused(argument)
        }
    }

    private mutating func add(folder: String, path: String, depth: Int) throws {
        guard depth < Self.depthMax else {
            throw AssayError(.pathUnsafe, "\(Printable.quote(folder)) is nested deeper than \(Self.depthMax) folders")
        }
        let prefix = folder.utf8.last == UInt8(ascii: "/") ? folder : folder + "/"
        for name in try Self.names(in: folder) {
            let local = prefix + name
            if path.isEmpty, isLeavingOut, Self.isLeftOut(name) {
                if name.isExactly(ModelSignature.fileName), try Self.type(of: local) == S_IFREG {
                    signatures.append(BroughtSignature(localPath: local))
                } else {
                    leftOut.append(name)
                }
                continue
            }
            let inner = path.isEmpty ? name : "\(path)/\(name)"
            switch try Self.type(of: local) {
            case S_IFDIR: try add(folder: local, path: inner, depth: depth + 1)
            case S_IFREG: try add(file: local, path: inner)
            default: throw Self.refused(local)
            }
        }
    }

    private mutating func add(file: String, path: String) throws {
        guard files.count < ModelPack.filesMax else {
            throw AssayError(.tooManyEntries, "there are over \(ModelPack.filesMax) files")
        }
        files.append(ScannedFile(path: path, localPath: file))
    }

    private func checkPaths() throws {
        var seen: Set<ExactText> = []
        for file in files where !seen.insert(ExactText(file.path)).inserted {
            throw AssayError(
                .pathUnsafe, "two of the files would both be \(Printable.quote(file.path))",
                remedy: "push the folder that holds them, so that their paths differ")
        }
    }

    private static func isLeftOut(_ name: String) -> Bool {
        ModelSignature.ignores(path: name) || (name.hasPrefix(".assay-") && name.hasSuffix(".part"))
    }

    /// The type bits of what stands at a path; a link is not followed.
    private static func type(of path: String) throws -> mode_t {
        var status = stat()
        guard lstat(path, &status) == 0 else { throw failure(path, errno) }
        return status.st_mode & S_IFMT
    }

    /// The names in a folder, in byte order.
    private static func names(in folder: String) throws -> [String] {
        guard let handle = opendir(folder) else { throw failure(folder, errno) }
        defer { closedir(handle) }
        var names: [String] = []
        while let entry = readdir(handle) {
            let bytes = withUnsafeBytes(of: entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            guard let name = String(validating: bytes, as: UTF8.self) else {
                throw AssayError(.pathUnsafe, "a name in \(Printable.quote(folder)) is not UTF-8")
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    private static func lastComponent(of path: String) -> String {
        path.pathComponents.last { !$0.isEmpty }.map(String.init) ?? path
    }

    private static func failure(_ path: String, _ number: Int32) -> AssayError {
        let name = Printable.quote(path)
        switch number {
        case ENOENT, ENOTDIR: return AssayError(.fileNotFound, "there is no file \(name)")
        case ELOOP: return refused(path)
        default: return AssayError(.fileInaccessible, "cannot read \(name)", reason: String(cString: strerror(number)))
        }
    }

    private static func refused(_ path: String) -> AssayError {
        AssayError(
            .fileTypeRefused, "\(Printable.quote(path)) is neither a file nor a folder",
            reason: "links, pipes, sockets and devices are not pushed", remedy: "put a copy of the file in its place")
    }
}
