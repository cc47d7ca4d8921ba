import AssayBundle
import AssayClient
import AssayCrypto
import AssayDomain
import Glibc

/// Why something of a folder is no file of the version that is made of it.
enum LeftOut: Sendable, Hashable {
    /// No signature can cover a file of this name at the top of a folder (OpenSSF Model Signing 1.0).
    case unsignable
    case unfinished
    case privateKey
    /// An option names it as a key, a passphrase or a token.
    case secret
    case store
    case repositoryOfGit
    /// A pattern of the caller's fits.
    case pattern
    /// It holds these patterns.
    case patterns

    /// In words behind the name; nil where the name says it.
    var reason: String? {
        switch self {
        case .unsignable: nil
        case .unfinished: "an unfinished download"
        case .privateKey: "it holds a private key"
        case .secret: "an option names it as a secret"
        case .store: "it is a store of Assay, with its keys"
        case .repositoryOfGit: "git keeps its own data there, credentials too"
        case .pattern: "a pattern says so"
        case .patterns: "it says what stays behind"
        }
    }
}

/// Which files go into a version, and which never do whatever else is asked: keys, stores, what git keeps for itself.
struct PushRules {
    /// Private keys and their certificates are smaller.
    private static let keyFileBytesMax: Int64 = 64 << 10

    /// A file, whatever it is called.
    private struct Place: Hashable {
        let device: UInt64
        let node: UInt64

        init?(_ path: String) {
            var status = stat()
            guard stat(path, &status) == 0 else { return nil }
            (device, node) = (UInt64(status.st_dev), UInt64(status.st_ino))
        }
    }

    /// Patterns of the command line.
    private let excluded: IgnorePatterns
    private let secrets: Set<Place>

    /// `secrets` are paths of files that must never go along.
    init(excluded: IgnorePatterns = IgnorePatterns(), secrets: [String] = []) {
        self.excluded = excluded
        self.secrets = Set(secrets.compactMap(Place.init))
    }

    /// The patterns for one folder: those of its own file, and behind them those of the command line.
    func patterns(in folder: String) throws -> IgnorePatterns {
        guard let file = try FolderHandle.open(path: folder).file(IgnorePatterns.fileName) else { return excluded }
        let text = String(decoding: try file.readAll(bytesMax: IgnorePatterns.bytesMax), as: UTF8.self)
        return try IgnorePatterns(lines: text.split(separator: "\n").map(String.init)).adding(excluded)
    }

    /// Why what lies at a path from a pushed folder stays behind; nil if it goes along. `name` is its last component.
    func leavesOut(
        _ name: String, path: String, local: String, isFolder: Bool, isTop: Bool, patterns: IgnorePatterns
    ) throws -> LeftOut? {
        if isTop, ModelSignature.ignores(path: name) { return .unsignable }
        if !isFolder, DraftFile.isName(name) { return .unfinished }
        if name == ".git" { return .repositoryOfGit }
        if isTop, name == IgnorePatterns.fileName { return .patterns }
        if patterns.leavesOut(path, isFolder: isFolder) { return .pattern }
        if isFolder { return Self.isStore(local) ? .store : nil }
        return try secret(local)
    }

    /// Why a file is nobody else's to have; nil if nothing says so.
    func secret(_ path: String) throws -> LeftOut? {
        if !secrets.isEmpty, let place = Place(path), secrets.contains(place) { return .secret }
        return try Self.isPrivateKey(path) ? .privateKey : nil
    }

    /// Whether a folder is a store: what it holds would give everything in it away.
    static func isStore(_ folder: String) -> Bool {
        ["store.json", "index.sqlite", "keys"].allSatisfy { access("\(folder)/\($0)", F_OK) == 0 }
    }

    /// Whether a file is one that holds a private key in PEM form, with or without other blocks.
    private static func isPrivateKey(_ path: String) throws -> Bool {
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
            1...keyFileBytesMax ~= Int64(status.st_size)
        else { return false }
        let bytes = try LocalFile(opening: path).readAll(bytesMax: Int(keyFileBytesMax))
        return PEMText.holdsPrivateKey(bytes)
    }
}
