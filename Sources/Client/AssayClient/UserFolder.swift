package import AssayDomain

/// Where the files of ours lie that belong to a user and to no store.
///
/// Source: XDG Base Directory Specification, which has relative paths in its variables ignored.
package enum UserFolder {
    /// What only saves work and may be lost.
    case cache
    /// What is remembered between runs.
    case state

    /// A folder of ours of this kind; nil where no variable names an absolute path.
    ///
    /// It may be missing. Throws `configuration-invalid` where it, or the one around it, is somebody else's or lets
    /// others write, and where others may put another in its place.
    package func path(_ name: String, in variables: [String: String]) throws(AssayError) -> String? {
        guard let path = place(of: name, in: variables) else { return nil }
        for folder in [String(path.dropLast(name.utf8.count + 1)), path] {
            try Custody.unwritable.check(path: folder, called: "the folder \(Printable.quote(folder))")
        }
        try Surroundings.check(path, called: "the folder \(Printable.quote(path))")
        return path
    }

    private func place(of name: String, in variables: [String: String]) -> String? {
        let (variable, place) =
            switch self {
            case .cache: ("XDG_CACHE_HOME", ".cache")
            case .state: ("XDG_STATE_HOME", ".local/state")
            }
        if let base = variables[variable], base.hasPrefix("/") { return "\(base)/assay/\(name)" }
        guard let home = variables["HOME"], home.hasPrefix("/") else { return nil }
        return "\(home)/\(place)/assay/\(name)"
    }
}
