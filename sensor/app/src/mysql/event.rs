//! Transaction → the `mysql` object.

use sensor_event::{AppRecord, Mysql, MysqlLogin, MysqlResponse, Text};

use super::state::{MysqlTransaction, Outcome};

impl MysqlTransaction {
    pub fn record(&self) -> AppRecord<'_> {
        let session = &self.session;
        let response = self.outcome.as_ref().map(|outcome| {
            let mut response = MysqlResponse {
                status: "ok",
                affected_rows: None,
                columns: self.columns,
                rows: self.columns.map(|_| self.row_count),
                code: None,
                sqlstate: None,
                message: None,
                file: None,
            };
            match outcome {
                Outcome::Ok { affected } => {
                    response.affected_rows = Some(*affected).filter(|affected| *affected > 0);
                }
                Outcome::Error { code, state, text } => {
                    response.status = "error";
                    response.code = Some(*code);
                    response.sqlstate = state.as_deref().map(Text);
                    response.message = Some(Text(text));
                }
                Outcome::File(name) => {
                    response.status = "file_request";
                    response.file = Some(Text(name));
                }
            }
            response
        });
        AppRecord::Mysql(Box::new(Mysql {
            version: session.version.as_deref().map(Text),
            tls: session.tls,
            user: session.user.as_deref().map(Text),
            database: session.database.as_deref().map(Text),
            login: (self.command.is_none() && session.user.is_some()).then(|| MysqlLogin {
                plugin: session.plugin.as_deref().map(Text),
            }),
            command: self.command.and_then(|command| command.name()),
            text: Some(self.text.as_slice())
                .filter(|text| !text.is_empty())
                .map(Text),
            response,
        }))
    }
}
