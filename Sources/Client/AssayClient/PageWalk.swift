package import AssayDomain

/// Follows a list from page to page, so that no server can keep a client reading for ever.
///
/// A cursor is the server's word. One that was given before leads in a circle, and a list of more pages than any
/// registry has is none.
package struct PageWalk {
    /// The most pages of one list.
    package static let pagesMax = 10_000

    private var seen: Set<[UInt8]> = []

    package init() {}

    /// The cursor of the next page; nil behind the last one.
    ///
    /// Throws `answer-mismatch` for a cursor that was given before, and `too-many-entries` above the limit.
    package mutating func step(to cursor: String?) throws(AssayError) -> String? {
        guard let cursor else { return nil }
        guard seen.count < Self.pagesMax else {
            throw AssayError(
                .tooManyEntries, "the server's list has over \(Self.pagesMax) pages",
                remedy: "ask for a part of it, or ask the server's operator")
        }
        let isNew = seen.insert(Array(cursor.utf8)).inserted
        try AnswerCheck.demand(
            isNew, asked: "the page behind \(Printable.escape(cursor, limit: 80))", answered: "the same page again")
        return cursor
    }
}
