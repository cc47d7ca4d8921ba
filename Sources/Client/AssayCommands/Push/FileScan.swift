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
    /// Names of what editors, notebooks and file managers leave in folders.
    static let litter: Set<String> = [".DS_Store", ".ipynb_checkpoints", "Thumbs.db", "__pycache__"]
    /// The deepest nesting of folders.
    static let depthMax = 32

    private(set) var files: [ScannedFile] = []
    /// The argument whose folder is looked through.
    private var top = ""
    /// What was left out of folders: the paths, and why.
    private(set) var leftOut: [(path: String, why: LeftOut)] = []
    /// The signatures of models among them, by where they lie.
    private(set) var signatures: [BroughtSignature] = []
    private let rules: PushRules?
    private let links: LinkRules

    /// Throws `file-not-found`, `file-type-refused`, `path-unsafe`, `file-inaccessible`, `too-many-entries`, and
    /// `usage` for a private key or a store that is named itself.
    ///
    /// `rules` say what of folders is left out; nil leaves nothing out.
    static func scan(
        _ arguments: [String], rules: PushRules? = PushRules(), links: LinkRules = .none
    ) throws -> FileScan {
        var scan = FileScan(rules: rules, links: links)
        for argument in arguments { try scan.add(argument: argument) }
        guard !scan.files.isEmpty else {
            throw AssayError(.usage, "there are no files to push", remedy: "name a file, or a folder that holds one")
        }
        try scan.checkPaths()
        scan.files.sort { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
        return scan
    }

    private init(rules: PushRules?, links: LinkRules) {
        self.rules = rules
        self.links = links
    }

    private mutating func add(argument: String) throws {
        guard !argument.isEmpty else { throw AssayError(.fileNotFound, "an empty path names no file") }
        switch try Self.type(of: argument) {
        case S_IFDIR:
            if rules != nil, PushRules.isStore(argument) { throw Self.secret(argument, .store) }
            top = argument
            try add(folder: argument, path: "", depth: 0, try rules?.patterns(in: argument) ?? IgnorePatterns())
        case S_IFREG:
            if let why = try rules?.secret(argument) { throw Self.secret(argument, why) }
            try add(file: argument, path: Self.lastComponent(of: argument))
        case S_IFLNK where links.isFollowing && Self.isFolder(argument): try add(argument: argument + "/")
        case S_IFLNK:
            let target = try links.target(of: argument, root: Self.parent(of: argument))
            if let why = try rules?.secret(target) { throw Self.secret(argument, why) }
            try add(file: target, path: Self.lastComponent(of: argument))
        default: throw Self.refused(argument)
        }
    }

    private mutating func add(folder: String, path: String, depth: Int, _ patterns: IgnorePatterns) throws {
        guard depth < Self.depthMax else {
            throw AssayError(.pathUnsafe, "\(Printable.quote(folder)) is nested deeper than \(Self.depthMax) folders")
        }
        let prefix = folder.utf8.last == UInt8(ascii: "/") ? folder : folder + "/"
        for name in try Self.names(in: folder) {
            let local = prefix + name
            let inner = path.isEmpty ? name : "\(path)/\(name)"
            let type = try Self.type(of: local)
            if let why = try rules?.leavesOut(
                name, path: inner, local: local, isFolder: type == S_IFDIR, isTop: path.isEmpty, patterns: patterns)
            {
                if why == .unsignable, name.isExactly(ModelSignature.fileName), type == S_IFREG {
                    signatures.append(BroughtSignature(localPath: local))
                } else {
                    leftOut.append((inner, why))
                }
                continue
            }
            switch type {
            case S_IFDIR: try add(folder: local, path: inner, depth: depth + 1, patterns)
            case S_IFREG: try add(file: local, path: inner)
            case S_IFLNK:
                let target = try links.target(of: local, root: top)
                if let why = try rules?.secret(target) {
                    leftOut.append((inner, why))
                } else {
                    try add(file: target, path: inner)
                }
            default: throw Self.refused(local)
            }
        }
    }

    private mutating func add(file: String, path: String) throws {
        guard files.count < ModelPack.filesMax else {
            throw AssayError(
                .tooManyEntries, "there are over \(ModelPack.filesMax) files",
                remedy: "pack small files into an archive, or leave some out with --exclude")
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

    private static func secret(_ path: String, _ why: LeftOut) -> AssayError {
        AssayError(
            .usage, "\(Printable.quote(path)) is not pushed", reason: why.reason,
            remedy: "name the model's files, and keep this to yourself")
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

    /// Whether a path leads to a folder, through links.
    private static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    private static func parent(of path: String) -> String {
        let parent = path.pathComponents.dropLast().joined(separator: "/")
        return parent.isEmpty ? (path.hasPrefix("/") ? "/" : ".") : parent
    }

    private static func lastComponent(of path: String) -> String {
        path.pathComponents.last { !$0.isEmpty }.map(String.init) ?? path
    }

    private static func failure(_ path: String, _ number: Int32) -> AssayError {
        let name = Printable.quote(path)
        switch number {
        case ENOENT, ENOTDIR:
            return AssayError(.fileNotFound, "there is no file \(name)", remedy: "check the path and its folders")
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
