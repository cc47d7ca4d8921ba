import AssayDomain
import Glibc

/// Which links of a pushed folder are followed: those that end in plain files within what was given.
///
/// A link is an invitation to push somebody's key or another project's data, so none is followed unless that is asked,
/// and none out of the folder unless the place that it leads to was named.
struct LinkRules: Sendable {
    let isFollowing: Bool
    /// Folders beside the pushed one that links may lead into, resolved.
    private let places: [String]

    static let none = LinkRules(isFollowing: false)

    private init(isFollowing: Bool) {
        self.isFollowing = isFollowing
        places = []
    }

    /// `within` names further folders; one that is there turns following on. Throws `file-not-found`,
    /// `file-type-refused`.
    init(isFollowing: Bool, within folders: [String]) throws(AssayError) {
        self.isFollowing = isFollowing || !folders.isEmpty
        var places: [String] = []
        for folder in folders {
            guard let place = Self.resolved(folder) else {
                throw AssayError(.fileNotFound, "there is no folder \(Printable.quote(folder))")
            }
            guard Self.type(of: place) == S_IFDIR else {
                throw AssayError(.fileTypeRefused, "\(Printable.quote(folder)) is no folder", remedy: "name a folder")
            }
            places.append(place)
        }
        self.places = places
    }

    /// The plain file that a link within a folder leads to in the end, by its own path. `root` is the pushed folder.
    ///
    /// Throws `file-type-refused` where links are not followed, where it leads nowhere, to no plain file, out of what
    /// was given, or into what is never pushed.
    func target(of link: String, root: String) throws -> String {
        guard isFollowing else {
            throw Self.refused(
                link, "is a link", "links are not pushed unless that is asked",
                "add --follow-links, which follows those to files of the folder, or put a copy of the file in its place"
            )
        }
        guard let target = Self.resolved(link) else {
            throw Self.refused(
                link, "is a link that leads nowhere", String(cString: strerror(errno)), "remove it, or --exclude it")
        }
        guard Self.type(of: target) == S_IFREG else {
            throw Self.refused(
                link, "is a link to no plain file", "it leads to \(Printable.quote(target))",
                "push what it leads to by its own path, or --exclude it")
        }
        guard
            let place = ([Self.resolved(root)].compactMap(\.self) + places).first(where: { Self.lies(target, in: $0) })
        else {
            let parent = target.pathComponents.dropLast().joined(separator: "/")
            throw Self.refused(
                link, "is a link out of the folder", "it leads to \(Printable.quote(target))",
                "if that may be pushed, name the folder that it is in: --links-within "
                    + Printable.escape(parent.isEmpty ? "/" : parent))
        }
        var folder = place
        for component in target.utf8.dropFirst(place.utf8.count).split(separator: UInt8(ascii: "/")).dropLast() {
            let name = String(decoding: Array(component), as: UTF8.self)
            folder = folder == "/" ? "/\(name)" : "\(folder)/\(name)"
            guard name != ".git", !PushRules.isStore(folder) else {
                throw Self.refused(
                    link, "is a link into what is never pushed", "it leads to \(Printable.quote(target))",
                    "remove it, or --exclude it")
            }
        }
        return target
    }

    /// Whether a resolved path is beneath a resolved folder, by whole components.
    private static func lies(_ path: String, in folder: String) -> Bool {
        let prefix = folder.hasSuffix("/") ? folder : folder + "/"
        return path.utf8.count > prefix.utf8.count && path.utf8.starts(with: prefix.utf8)
    }

    private static func resolved(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(validatingCString: resolved)
    }

    private static func type(of path: String) -> mode_t {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_mode & S_IFMT : 0
    }

    private static func refused(_ link: String, _ what: String, _ reason: String, _ remedy: String) -> AssayError {
        AssayError(.fileTypeRefused, "\(Printable.quote(link)) \(what)", reason: reason, remedy: remedy)
    }
}
