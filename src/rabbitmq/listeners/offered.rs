//! What a load balancer can offer beside AMQP and the management UI.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::listener::{AMQP_TLS, MANAGEMENT_TLS, Service};

/// A protocol that clients speak with a broker through a load balancer, which passes it through. Not among them: streams, whose clients
/// learn the addresses of the nodes and connect to each of them (rabbitmq.com/docs/stream, "Client Connections and Load Balancers").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Offered {
    /// AMQP over TLS.
    Amqps,
    /// The management UI over TLS.
    ManagementTls,
    Mqtt,
    /// MQTT over TLS.
    Mqtts,
    Stomp,
    /// STOMP over TLS.
    Stomps,
    /// MQTT over WebSockets.
    WebMqtt,
    /// MQTT over WebSockets and TLS.
    WebMqttTls,
    /// STOMP over WebSockets.
    WebStomp,
    /// STOMP over WebSockets and TLS.
    WebStompTls,
    /// The metrics of one broker, another one at each request.
    Prometheus,
}

impl Offered {
    pub const ALL: [Self; 11] = [
        Self::Amqps,
        Self::ManagementTls,
        Self::Mqtt,
        Self::Mqtts,
        Self::Stomp,
        Self::Stomps,
        Self::WebMqtt,
        Self::WebMqttTls,
        Self::WebStomp,
        Self::WebStompTls,
        Self::Prometheus,
    ];

    /// Its name in the inventory.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Amqps => "amqps",
            Self::ManagementTls => "management-tls",
            Self::Mqtt => "mqtt",
            Self::Mqtts => "mqtts",
            Self::Stomp => "stomp",
            Self::Stomps => "stomps",
            Self::WebMqtt => "web-mqtt",
            Self::WebMqttTls => "web-mqtt-tls",
            Self::WebStomp => "web-stomp",
            Self::WebStompTls => "web-stomp-tls",
            Self::Prometheus => "prometheus",
        }
    }

    /// The broker's listener behind it.
    pub fn service(self) -> Service {
        match self {
            Self::Amqps => Service::AmqpTls,
            Self::ManagementTls => Service::ManagementTls,
            Self::Mqtt => Service::Mqtt,
            Self::Mqtts => Service::MqttTls,
            Self::Stomp => Service::Stomp,
            Self::Stomps => Service::StompTls,
            Self::WebMqtt => Service::WebMqtt,
            Self::WebMqttTls => Service::WebMqttTls,
            Self::WebStomp => Service::WebStomp,
            Self::WebStompTls => Service::WebStompTls,
            Self::Prometheus => Service::Prometheus,
        }
    }

    /// The port that its clients expect (rabbitmq.com/docs/networking, "Ports Used by RabbitMQ").
    pub fn usual_port(self) -> u16 {
        match self {
            Self::Amqps => AMQP_TLS,
            Self::ManagementTls => MANAGEMENT_TLS,
            Self::Mqtt => 1883,
            Self::Mqtts => 8883,
            Self::Stomp => 61613,
            Self::Stomps => 61614,
            Self::WebMqtt => 15675,
            Self::WebMqttTls => 15676,
            Self::WebStomp => 15674,
            Self::WebStompTls => 15673,
            Self::Prometheus => 15692,
        }
    }

    /// The setting of rabbitmq.conf that opens the broker's listener, or the plugin that does.
    pub fn opened_by(self) -> &'static str {
        match self {
            Self::Amqps => "listeners.ssl.default and the certificates in ssl_options.*",
            Self::ManagementTls => "management.ssl.port and its certificates",
            Self::Mqtt => "the plugin rabbitmq_mqtt",
            Self::Mqtts => "the plugin rabbitmq_mqtt and mqtt.listeners.ssl.default",
            Self::Stomp => "the plugin rabbitmq_stomp",
            Self::Stomps => "the plugin rabbitmq_stomp and stomp.listeners.ssl.default",
            Self::WebMqtt => "the plugin rabbitmq_web_mqtt",
            Self::WebMqttTls => "the plugin rabbitmq_web_mqtt and web_mqtt.ssl.port",
            Self::WebStomp => "the plugin rabbitmq_web_stomp",
            Self::WebStompTls => "the plugin rabbitmq_web_stomp and web_stomp.ssl.port",
            Self::Prometheus => "the plugin rabbitmq_prometheus",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_the_word_that_the_inventory_reads() {
        for offered in Offered::ALL {
            assert_eq!(serde_json::to_value(offered).expect("a word"), offered.as_str());
        }
    }
}
