import AssayRegistry

/// How much one call may give.
enum IndexLimits {
    /// The most rows of one page or list, whatever a caller asks for.
    static let pageMax = 10_000
    /// The most words of a search.
    static let searchWordsMax = 32

    /// A limit of a caller as one that SQLite and memory can bear.
    static func rows(_ limit: Int) -> Int { min(max(limit, 0), pageMax) }
}

extension Page {
    /// Makes a page of rows that were asked for with one more than `limit`, which tells whether there is a next page.
    init(_ rows: [Element], limit: Int, cursor: (Element) -> String) {
        let items = Array(rows.prefix(limit))
        self.init(items: items, next: rows.count > limit ? items.last.map(cursor) : nil)
    }
}
