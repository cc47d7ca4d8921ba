/// Reads what a server says of an upload session.
enum UploadLocation {
    private static let bytesMax = 2_048

    /// The path and query of a location, relative or absolute; only the server that was asked is ever spoken to.
    static func path(of location: String) -> String? {
        var path = location[...]
        if location.hasPrefix("http"), let host = location.firstRange(of: "://")?.upperBound {
            guard let slash = location[host...].firstIndex(of: "/") else { return nil }
            path = location[slash...]
        }
        guard path.hasPrefix("/"), path.utf8.count <= bytesMax, path.utf8.allSatisfy({ 0x21...0x7E ~= $0 }) else {
            return nil
        }
        return String(path)
    }

    /// The number of bytes there are, from `0-LAST`; the text `0-0` is what an empty session says too.
    static func position(fromRange text: String) -> Int64? {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0] == "0", let last = Int64(parts[1]), 0 <= last, last < .max else { return nil }
        return last == 0 ? 0 : last + 1
    }
}
