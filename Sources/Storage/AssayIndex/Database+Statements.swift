import AssayDomain
import GRDB

/// Running one statement, compiled once per connection.
extension Database {
    /// Runs a statement that gives no rows.
    func run(_ sql: String, _ arguments: StatementArguments = []) throws {
        try cachedStatement(sql: sql).execute(arguments: arguments)
    }

    /// The first row of a statement, decoded; nil if there is none.
    func first<Value>(
        _ sql: String, _ arguments: StatementArguments = [], _ decode: (Row) throws -> Value
    ) throws -> Value? {
        let cursor = try Row.fetchCursor(cachedStatement(sql: sql), arguments: arguments)
        // The row is the cursor's: it must not end, and the statement start anew, before the row is decoded.
        return try withExtendedLifetime(cursor) { try cursor.next().map(decode) }
    }

    /// All rows of a statement, decoded. Statements bound what they give by LIMIT.
    func all<Value>(
        _ sql: String, _ arguments: StatementArguments = [], _ decode: (Row) throws -> Value
    ) throws -> [Value] {
        let cursor = try Row.fetchCursor(cachedStatement(sql: sql), arguments: arguments)
        var values: [Value] = []
        while let row = try cursor.next() { values.append(try decode(row)) }
        return values
    }

    /// Hands over each row of a statement.
    func each(_ sql: String, _ arguments: StatementArguments = [], _ body: (Row) throws -> Void) throws {
        let cursor = try Row.fetchCursor(cachedStatement(sql: sql), arguments: arguments)
        while let row = try cursor.next() { try body(row) }
    }

    /// Whether a statement gives a row.
    func exists(_ sql: String, _ arguments: StatementArguments) throws -> Bool {
        try first(sql, arguments) { _ in true } ?? false
    }
}

/// Columns as domain values; what is missing or does not parse throws `storage-failed`.
extension Row {
    func text(_ column: Int) throws -> String {
        guard let text = self[column] as String? else { throw IndexFault.unreadable("a row without a text") }
        return text
    }

    func integer(_ column: Int) throws -> Int64 {
        guard let value = self[column] as Int64? else { throw IndexFault.unreadable("a row without a number") }
        return value
    }

    func digest(_ column: Int) throws -> Digest {
        let text = try text(column)
        return try parsed("a digest") { () throws(AssayError) in try Digest(parsing: text) }
    }

    func digestIfPresent(_ column: Int) throws -> Digest? {
        hasNull(atIndex: column) ? nil : try digest(column)
    }

    func repositoryName(_ column: Int) throws -> RepositoryName {
        let text = try text(column)
        return try parsed("a repository name") { () throws(AssayError) in try RepositoryName(parsing: text) }
    }

    func alias(_ column: Int) throws -> AliasName {
        let text = try text(column)
        return try parsed("an alias") { () throws(AssayError) in try AliasName(parsing: text) }
    }

    func number(_ column: Int) throws -> VersionNumber {
        guard let number = VersionNumber(try integer(column)) else { throw IndexFault.unreadable("a version number") }
        return number
    }

    func numberIfPresent(_ column: Int) throws -> VersionNumber? {
        hasNull(atIndex: column) ? nil : try number(column)
    }

    func word<Word: RawRepresentable<String>>(_ column: Int) throws -> Word {
        guard let word = Word(rawValue: try text(column)) else { throw IndexFault.unreadable("a word") }
        return word
    }

    func bytes(_ column: Int) throws -> [UInt8] {
        try withUnsafeData(atIndex: column) { data in data.map { [UInt8]($0) } ?? [] }
    }

    func time(_ column: Int) throws -> Timestamp { Timestamp(milliseconds: try integer(column)) }

    func timeIfPresent(_ column: Int) -> Timestamp? {
        (self[column] as Int64?).map(Timestamp.init(milliseconds:))
    }

    private func parsed<Value>(_ what: String, _ body: () throws(AssayError) -> Value) throws(AssayError) -> Value {
        do {
            return try body()
        } catch {
            throw IndexFault.unreadable(what, cause: error)
        }
    }
}
