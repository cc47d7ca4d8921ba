package import AssayDomain
import Glibc

/// The folders above one that is this user's own: who may rename in one of them can put another in its place.
///
/// The rule is that of `sshd` for the folders of keys, with what holds for `/tmp`: where the sticky bit is set, nobody
/// renames what belongs to somebody else. Folders of root's are fine, and so are those of whoever has `/`, which is
/// nobody in a namespace of users. A group that this process is in may write: that is how folders are given to a
/// service on purpose.
package enum Surroundings {
    /// Throws `configuration-invalid` where somebody else may put another folder in the place of the one at a path, or
    /// of one above it. What is not there passes.
    package static func check(_ path: String, called name: String) throws(AssayError) {
        let full = path.hasPrefix("/") ? path : currentFolder + "/" + path
        for place in [full, resolved(full)].compactMap(\.self) {
            for folder in above(place) { try check(folder: folder, called: name) }
        }
    }

    private static func check(folder: String, called name: String) throws(AssayError) {
        var status = stat()
        // What cannot be looked at cannot be gone through either; whoever opens the path is told.
        guard stat(folder, &status) == 0 else { return }
        let shown = Printable.escape(folder)
        guard [0, geteuid(), ownerOfRoot].contains(status.st_uid) else {
            throw AssayError(
                .configurationInvalid, "\(name) lies in a folder of somebody else's",
                reason: "\(Printable.quote(folder)) is user \(status.st_uid)'s, who may put another in its place",
                remedy: "use one whose folders are yours or root's")
        }
        // Where it is set, names are taken away by their owners alone.
        guard status.st_mode & S_ISVTX == 0 else { return }
        let isOfOthers = status.st_mode & 0o020 != 0 && !groups.contains(status.st_gid)
        guard status.st_mode & 0o002 == 0, !isOfOthers else {
            throw AssayError(
                .configurationInvalid, "others may write to a folder in which \(name) lies",
                reason: "whoever may write to \(Printable.quote(folder)) may put another in its place",
                remedy: "take their right away: chmod o-w,g-w \(shown); or use a folder elsewhere")
        }
    }

    /// `/`, `/a`, `/a/b` of `/a/b/c`.
    private static func above(_ path: String) -> [String] {
        let parts = path.split(separator: "/").dropLast()
        return (0...parts.count).map { "/" + parts.prefix($0).joined(separator: "/") }
    }

    private static var groups: Set<gid_t> {
        let count = getgroups(0, nil)
        var list = [gid_t](repeating: 0, count: max(0, Int(count)))
        let found = getgroups(count, &list)
        return Set(list.prefix(max(0, Int(found)))).union([getegid()])
    }

    private static var ownerOfRoot: uid_t {
        var status = stat()
        return stat("/", &status) == 0 ? status.st_uid : 0
    }

    /// The path without links; nil for what is not there.
    private static func resolved(_ path: String) -> String? {
        guard let found = realpath(path, nil) else { return nil }
        defer { free(found) }
        return String(cString: found)
    }

    private static var currentFolder: String {
        guard let found = getcwd(nil, 0) else { return "" }
        defer { free(found) }
        return String(cString: found)
    }
}
