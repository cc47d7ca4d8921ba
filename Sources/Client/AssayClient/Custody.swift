package import AssayDomain
package import Glibc

/// Whether what lies in a file system is this user's alone: the one rule for stores, keys, tokens, caches and drafts.
///
/// What belongs to somebody else, or what others may write to, can be other
/// bytes at the next look, however well it was checked at this one.
package enum Custody: Sendable {
    /// Others may look, but not write.
    case unwritable
    /// Others may do nothing.
    case secret
    /// As `secret`, but it may be the machine's, and its group may read it: so a platform mounts what it keeps.
    case secretOfGroup

    private static let writing: mode_t = 0o022

    /// The variable by which somebody says that the group of their secrets may read them.
    private static let groupVariable = "ASSAY_ALLOW_GROUP_READABLE_KEYS"

    /// The rule for keys, passphrases and tokens that options name.
    package static func ofSecrets(_ variables: [String: String]) -> Custody {
        variables[groupVariable] == "1" ? .secretOfGroup : .secret
    }

    private var forbidden: mode_t {
        switch self {
        case .unwritable: Self.writing
        case .secret: 0o077
        case .secretOfGroup: 0o037
        }
    }

    private func isOwner(_ user: uid_t) -> Bool { user == geteuid() || self == .secretOfGroup && user == 0 }

    /// Throws `configuration-invalid` for what is somebody else's or lets others do what they must not. `name` is what
    /// it is called in the message, such as `the store 'models'`, and `path` what the remedy names.
    package func check(_ status: stat, called name: String, path: String) throws(AssayError) {
        let shown = Printable.escape(path)
        guard isOwner(status.st_uid) else {
            throw AssayError(
                .configurationInvalid, "\(name) belongs to somebody else",
                reason: "it is user \(status.st_uid)'s, and this is user \(geteuid())",
                remedy: "use one of your own, or let its owner run this")
        }
        guard status.st_mode & Self.writing == 0 else {
            throw AssayError(
                .configurationInvalid, "others may write to \(name)",
                remedy: "take their right away: chmod go-w \(shown); and look first at what they may have put there")
        }
        guard status.st_mode & forbidden == 0 else {
            throw AssayError(
                .configurationInvalid, "\(name) is readable by others",
                remedy:
                    "take their right away: chmod 600 \(shown); or set \(Self.groupVariable)=1 where only its group "
                    + "may read it, as in a mounted Secret")
        }
    }

    /// Whether `check` would let it pass.
    package func holds(_ status: stat) -> Bool {
        isOwner(status.st_uid) && status.st_mode & forbidden == 0
    }

    /// Checks what a path names, behind links too; what is not there passes.
    package func check(path: String, called name: String) throws(AssayError) {
        var status = stat()
        guard stat(path, &status) == 0 else {
            if errno == ENOENT || errno == ENOTDIR { return }
            throw FileFailure.error(path, "look at", errno)
        }
        try check(status, called: name, path: path)
    }
}

/// What a path names itself; no link is followed.
package struct PathStatus: Sendable {
    package let isSocket: Bool
    package let owner: uid_t

    /// Nil if there is nothing. Throws `file-inaccessible` where it cannot be told.
    package init?(of path: String) throws(AssayError) {
        var status = stat()
        guard lstat(path, &status) == 0 else {
            if errno == ENOENT { return nil }
            throw FileFailure.error(path, "look at", errno)
        }
        isSocket = status.st_mode & S_IFMT == S_IFSOCK
        owner = status.st_uid
    }
}

extension LocalFile {
    /// Opens a file that only its owner may read, and who runs this is its owner.
    ///
    /// Throws `configuration-invalid` otherwise. What is read of it afterwards is of the file that was checked.
    package convenience init(openingSecret path: String, called name: String) throws(AssayError) {
        try self.init(opening: path)
        try check(.secret, called: name)
    }

    /// Throws `configuration-invalid` unless the open file is this user's alone.
    package func check(_ custody: Custody, called name: String) throws(AssayError) {
        try custody.check(try status(), called: name, path: path)
    }
}
