//! People before a lie is told to one of them, and what they find afterwards.

use std::{fs, path::Path};

use hallmark_suites::{
    faults::{Program, Running},
    hostile::{Answer, Proxy, Rule},
};
use hallmark_vault::identity::{device::DeviceKeys, pairing::JoinCode};

use super::{
    super::daemon,
    Stage,
    lies::{How, Lie},
    model::Endpoint,
};

pub(super) struct Scene<'a> {
    stage: &'a Stage,
    proxy: &'a Proxy,
    endpoint: &'a Endpoint,
    n: usize,
    server: String,
    /// What the command under attack is, and whose.
    who: String,
    args: Vec<String>,
    /// Whether there are two histories: the laptop's is the other one.
    forked: bool,
    /// What the items say that have to be there afterwards.
    items: Vec<String>,
}

impl<'a> Scene<'a> {
    pub(super) fn new(
        stage: &'a Stage,
        proxy: &'a Proxy,
        endpoint: &'a Endpoint,
        n: usize,
    ) -> Self {
        let server = format!("http://{}", proxy.address());
        let (who, args, items) = (String::new(), Vec::new(), Vec::new());
        Self { stage, proxy, endpoint, n, server, who, args, forked: false, items }
    }

    /// Makes everything up to the command under attack, and sets the proxy up for it. What is
    /// returned has to live until then.
    pub(super) fn arrange(&mut self, lie: &Lie) -> Option<Running> {
        self.forked = matches!(lie.how, How::Forked);
        self.before();
        let again = matches!(lie.how, How::Again).then(|| self.answered());
        let other = match lie.how {
            How::SetBack | How::Forked => Some(self.copy()),
            _ => None,
        };
        let another = matches!(lie.how, How::AnotherAccounts).then(|| self.strangers());
        self.meanwhile(&lie.how, other.as_ref());
        let Endpoint { method, template, .. } = self.endpoint;
        let rule = |act| self.proxy.rule(Rule::on(method, template, act));
        match (&lie.how, again.or(another), &other) {
            (How::Says(act), ..) => rule(act.clone()),
            (_, Some(answer), _) => rule(hallmark_suites::hostile::Act::Answer(answer)),
            (_, _, Some(other)) => self.proxy.turn_to(other.address().unwrap()),
            _ => unreachable!("every lie is one of these"),
        }
        other
    }

    /// Runs the command.
    pub(super) fn attacked(&self) -> daemon::device::Told {
        let args: Vec<&str> = self.args.iter().map(String::as_str).collect();
        self.stage.devices.run(&self.who, Some(&self.server), &args)
    }

    fn name(&self, role: &str) -> String {
        let row = self.endpoint.name.replace(' ', "-").to_lowercase();
        format!("{row}-{}-{role}", self.n)
    }

    #[track_caller]
    fn done(&self, role: &str, args: &[&str]) -> serde_json::Value {
        self.stage.devices.done(&self.name(role), Some(&self.server), args)
    }

    /// A note, of a device that is named so.
    fn put(&mut self, role: &str, text: &str) {
        self.done(role, &["item", "put", "note", &format!("text={text}")]);
        self.items.push(text.to_owned());
    }

    fn file(&self, text: &str, byte: u8) -> String {
        let path = self.stage.devices.path(&self.name(text));
        fs::write(&path, vec![byte; 70_000]).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn put_file(&mut self, text: &str, byte: u8) {
        let file = self.file(text, byte);
        let note = format!("text={text}");
        let kept = self.done("phone", &["item", "put", "note", &note, "--attach", &file]);
        self.items.push(text.to_owned());
        self.args = vec![kept["item"].as_str().unwrap().to_owned()];
    }

    /// What there is before the service begins to lie.
    fn before(&mut self) {
        self.stage.devices.profile(&self.name("phone"));
        self.who = self.name("phone");
        match self.endpoint.name {
            "GET service" | "POST accounts" => {
                let put = ["item", "put", "note", "text=first"];
                self.stage.devices.done(&self.who, None, &put);
                self.items.push("first".to_owned());
                return;
            }
            "GET content" | "DELETE blob" => {
                self.put_file("earlier", 1);
                let to = self.stage.devices.path(&self.name("seen"));
                let item = self.args[0].clone();
                self.done("phone", &["item", "get", &item, "--save", to.to_str().unwrap()]);
                self.put_file("first", 2);
            }
            "GET blob" => self.put_file("first", 1),
            _ => self.put("phone", "first"),
        }
        self.stage.devices.profile(&self.name("laptop"));
        self.stage.devices.joins(&self.who, &self.name("laptop"), Some(&self.server));
        if self.endpoint.name == "GET sync" {
            self.put("laptop", "seen");
            self.done("phone", &["account", "sync"]);
        }
    }

    /// What the service said last at the row's endpoint.
    fn answered(&self) -> Answer {
        if self.endpoint.name == "GET service" {
            // Asked by the first who comes.
            self.stage.devices.profile(&self.name("earlier"));
            self.stage.devices.run(
                &self.name("earlier"),
                Some(&self.server),
                &["device", "join", "--wait", "0"],
            );
        }
        let Endpoint { name, method, template } = self.endpoint;
        self.proxy.last_answer(method, template).unwrap_or_else(|| panic!("{name}: none earlier"))
    }

    /// The service as it is now, on another port under the same name and key.
    fn copy(&self) -> Running {
        let folder = self.stage.place.path().join(format!("copy-{}", self.name("x")));
        fs::create_dir_all(&folder).unwrap();
        let (backup, data) = (folder.join("backup"), folder.join("data"));
        fs::copy(self.stage.place.path().join("key"), folder.join("key")).unwrap();
        let path = |path: &Path| path.to_str().unwrap().to_owned();
        let live = path(&self.stage.place.path().join("data"));
        for args in [
            ["backup", "--data", &live, "--to", &path(&backup)],
            ["restore", "--from", &path(&backup), "--data", &path(&data)],
        ] {
            let hallmarkd = std::env::current_exe().unwrap();
            let hallmarkd = hallmarkd.ancestors().nth(2).unwrap().join("hallmarkd");
            let copied = Program::new(hallmarkd).args(args).command().output().unwrap();
            assert!(copied.status.success(), "{copied:?}");
        }
        // An honest copy answers nothing that was signed before it was there, and a minute longer.
        let connection = rusqlite::Connection::open(data.join("hallmark.db")).unwrap();
        let heeds_no_floor = "UPDATE meta SET value = 0 WHERE name = 'nonce-floor-s'";
        assert_eq!(connection.execute(heeds_no_floor, []).unwrap(), 1);
        drop(connection);
        let names = [self.proxy.address().to_string()];
        daemon::service(&data, &names).unwrap().start(None).unwrap()
    }

    /// The row's answer to somebody else.
    fn strangers(&self) -> Answer {
        self.stage.devices.profile(&self.name("stranger"));
        let file = self.file("theirs", 9);
        let put = ["item", "put", "note", "text=theirs", "--attach", &file];
        let item = self.done("stranger", &put)["item"].as_str().unwrap().to_owned();
        match self.endpoint.name {
            "GET blob" => {}
            "GET content" => {
                let to = self.stage.devices.path(&self.name("stolen"));
                self.done("stranger", &["item", "get", &item, "--save", to.to_str().unwrap()]);
            }
            "DELETE account" => {
                let to = self.stage.devices.path(&self.name("theirs.json"));
                let receipt = to.to_str().unwrap();
                self.done("stranger", &["account", "close", "--yes", "--receipt", receipt]);
            }
            _ => {
                self.stage.devices.profile(&self.name("other"));
                let (old, new) = (self.name("stranger"), self.name("other"));
                self.stage.devices.joins(&old, &new, Some(&self.server));
            }
        }
        self.answered()
    }

    /// What happens between a copy and the lie, and the command that the lie is told to.
    fn meanwhile(&mut self, how: &How, other: Option<&Running>) {
        let has_account = !matches!(self.endpoint.name, "GET service" | "POST accounts");
        let joins = matches!(self.endpoint.name, "GET membership" | "GET devices");
        if joins {
            self.stage.devices.profile(&self.name("new"));
        }
        if let (How::Forked, Some(other), true) = (how, other, has_account) {
            // There, the laptop goes on.
            self.proxy.turn_to(other.address().unwrap());
            let (kept, laptop) = (self.items.clone(), self.name("laptop"));
            self.put("laptop", "there");
            self.put("laptop", "there too");
            self.items = kept;
            if joins {
                self.stage.devices.lets_in(&laptop, &self.name("new"), Some(&self.server));
            }
            self.proxy.turn_to(self.stage.running.address().unwrap());
        }
        if other.is_some() && has_account {
            self.put("phone", "later");
        }
        let item = self.args.pop();
        let args: Vec<String> = match self.endpoint.name {
            "GET service" | "POST accounts" => words(&["account", "sync"]),
            "GET membership" | "GET devices" => {
                let (phone, new) = (self.name("phone"), self.name("new"));
                let typed = self.stage.devices.lets_in(&phone, &new, Some(&self.server));
                self.who = new;
                words(&["device", "join", "--wait", "0", "--words", &typed])
            }
            "POST devices" => {
                let code = JoinCode::new(DeviceKeys::generate(&mut rand::rng()).public());
                let typed = code.words();
                words(&["device", "add", &code.to_string(), "--words", typed.as_str()])
            }
            "GET sync" => {
                if other.is_none() {
                    self.put("laptop", "second");
                    self.put("laptop", "third");
                }
                words(&["account", "sync"])
            }
            "POST items" => {
                self.items.push("attacked".to_owned());
                words(&["item", "put", "note", "text=attacked"])
            }
            "POST blobs" | "GET blob" | "PUT part" => {
                let file = self.file("attacked", 5);
                self.items.push("attacked".to_owned());
                words(&["item", "put", "note", "text=attacked", "--attach", &file])
            }
            "GET content" => {
                let to = self.stage.devices.path(&self.name("saved"));
                words(&["item", "get", &item.unwrap(), "--force", "--save", to.to_str().unwrap()])
            }
            "DELETE blob" => {
                self.items.retain(|text| text != "first");
                words(&["item", "rm", &item.unwrap(), "--yes"])
            }
            _ => words(&["account", "close", "--yes", "--receipt", &self.receipt("lied")]),
        };
        self.args = args;
    }

    fn receipt(&self, role: &str) -> String {
        self.stage.devices.path(&self.name(role)).to_str().unwrap().to_owned()
    }

    /// Whether all is well now that the service is honest: every item there once, on other devices
    /// too, and the command done. Where the service had said so before and had not done it, what
    /// the next command ends with; what the device has of it is saved by then.
    pub(super) fn settled(&mut self) -> Result<(), i32> {
        let devices = &self.stage.devices;
        let run = |who: &str, args: &[&str]| devices.run(who, Some(&self.server), args);
        let args: Vec<&str> = self.args.iter().map(String::as_str).collect();
        self.items.sort();
        match self.endpoint.name {
            "DELETE account" => {
                let receipt = self.receipt("honest");
                let close = ["account", "close", "--yes", "--receipt", &receipt];
                let closed = run(&self.who, &close);
                if closed.code != 0 && !closed.err.contains("no account yet") {
                    // The answer that was cut was the receipt, and nothing went from here for that.
                    assert_eq!(run(&self.who, &["account", "show", "--offline"]).code, 0);
                    run(&self.who, &["account", "close", "--yes", "--local"]);
                }
                let left = run(&self.who, &["account", "show"]);
                assert!(left.err.contains("no account"), "{left:?}");
                return Ok(());
            }
            // Done before, or now.
            "GET membership" | "GET devices" | "DELETE blob" => drop(run(&self.who, &args)),
            "POST devices"
                if self.forked || run(&self.name("laptop"), &["account", "sync"]).code == 0 =>
            {
                let again = run(&self.who, &args);
                if again.code != 0 {
                    return Err(self.saved(again.code));
                }
                let listed = run(&self.who, &["device", "list"]).json();
                let count = listed["devices"].as_array().unwrap().len();
                assert_eq!(count, 3, "{listed}");
            }
            _ => {}
        }
        let synced = run(&self.who, &["account", "sync"]);
        if synced.code != 0 {
            return Err(self.saved(synced.code));
        }
        self.finds(&self.who);
        if !self.forked && !matches!(self.endpoint.name, "GET service" | "POST accounts") {
            self.finds(&self.name("laptop"));
        }
        if self.items.iter().any(|text| text == "attacked") {
            self.opens("attacked", 5)?;
        } else if self.endpoint.name == "GET content" {
            self.opens("first", 2)?;
        }
        Ok(())
    }

    #[track_caller]
    fn finds(&self, who: &str) {
        let found = self.stage.devices.items(who, Some(&self.server));
        let found = found.unwrap_or_else(|told| panic!("{who}: {told:?}"));
        assert_eq!(found, self.items, "{who}");
    }

    /// The attachment of an item is there, byte for byte.
    fn opens(&self, text: &str, byte: u8) -> Result<(), i32> {
        if matches!(self.endpoint.name, "POST items") {
            return Ok(());
        }
        let (devices, to) = (&self.stage.devices, self.receipt("opened"));
        let listed = devices.done(&self.who, Some(&self.server), &["item", "ls"]);
        let items = listed["items"].as_array().unwrap();
        let item = items.iter().find(|item| item["summary"] == text).unwrap();
        let item = item["item"].as_str().unwrap();
        let told = devices.run(
            &self.who,
            Some(&self.server),
            &["item", "get", item, "--force", "--save", &to],
        );
        if told.code != 0 {
            return Err(told.code);
        }
        let saved = told.json()["saved"][0].as_str().unwrap().to_owned();
        assert_eq!(fs::read(saved).unwrap(), vec![byte; 70_000]);
        Ok(())
    }

    /// Everything this device keeps is written into a folder, though the service contradicts it.
    fn saved(&self, code: i32) -> i32 {
        let to = self.receipt("plain");
        let export = ["account", "export", "--to", &to];
        let told = self.stage.devices.run(&self.who, Some(&self.server), &export);
        // Of an account that the service says is gone, all that there is may be here.
        assert!(told.code == code || (told.code, code) == (0, 1), "{told:?}");
        let mut plain = String::new();
        for folder in fs::read_dir(&to).unwrap() {
            plain += &fs::read_to_string(folder.unwrap().path().join("item.json")).unwrap();
        }
        for text in &self.items {
            assert!(plain.contains(text), "{text} is not in {plain}");
        }
        code
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
